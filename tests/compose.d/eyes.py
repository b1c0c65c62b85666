#!/usr/bin/env python3
"""eyes.py COMPOSE_LINES [GMIME]: compose a matrix of mails, and read them again
with Python's email and GMime (tests/corpora/gmime.c): what went in comes out.
"""

import base64
import collections
import email
import email.header
import email.policy
import email.utils
import inspect
import itertools
import json
import os
import re
import subprocess
import sys

SUBJECTS = [
    "plain", "", "a  b", " leading", "trailing ", "受注のお知らせ",
    "Re: 受注 order-1 の件 (ご確認)", "【重要】とても長い件名がここに入りますので折り返しが必要になります" * 4,
    "emoji 😀👨‍👩‍👧 end", "①②③㈱髙﨑ｶﾅ", "～－∥〜−‖—", "café", "é" * 300,
    "word " * 60 + "x", "x" * 950, "x" * 3000, "=?utf-8?q?a?= b",
    "=?", "a=?b?=", "?= =?", "日本 english 日本 english", "한국어 제목 テスト",
    "😀" * 200, "a" + " " * 100 + "b", " ", "\u3000全角\u3000", "\u00a0x", "_ _",
    "日" * 19 + "a" * 40, "q?=_=20", "é" + "日" * 90,
    "aa" + "日" * 90, "a" + "日" * 90, "日a" * 90, "日 " * 90, "ÀÉ ÀÉ ÀÉ " * 20 + "ß",
]
NAMES = [
    None, "Taro", "山田 太郎", "Yamada, Taro", 'a "b" \\c', "O'Hara", "J. Doe",
    "(comment)", "<x@y.z>", "a@b", "=?utf-8?q?x?=", "Zoë", "😀 shop", "a  b",
    "名" * 100, "n" * 80, "word " * 30 + "x", "髙﨑", "semi;colon", "日本 Inc.",
    "=", "?", "é, è",
]
ADDRESSES = [
    "a@example.jp", "a.b+c=d@sub.example.jp", "a..b.@docomo.ne.jp",
    ".a@ezweb.ne.jp", '"quoted local"@example.jp', "a@localhost",
    "a@[192.0.2.1]", "l" * 64 + "@" + "d" * 60 + "." + "e" * 60 + ".jp",
]
FILES = [
    "a.txt", "a b.pdf", "注文書.pdf", "請求書 2024年1月分 とても長いファイル名テスト.pdf", "é.txt",
    "a'b.txt", 'a"b.txt', "a\\b.txt", "a;b=c.txt", "100%.txt", "%41.txt",
    "😀.png", "長" * 80 + ".xlsx", "n" * 200 + ".txt", "=?utf-8?q?x?=.txt",
    "utf-8''x.txt", "髙﨑.pdf", " a ", "a/b", "ｶﾅ.txt", "～.txt", "*.txt",
]
TEXTS = [
    "x", "hello\n", "hello\n\n\n", "\n\nhello", "a\r\nb\rc\n", ".\n..\n.a\n",
    "From me\n>From\nFrom \n", "trailing \n-- \ntab\t\nx", "=3D = =\n=",
    "x" * 76 + "\n" + "x" * 77 + "\n" + "x" * 78 + "\n" + "x" * 79, "x" * 998,
    "x" * 999, "x" * 20000, "café " * 40, "日本語の本文です。\n" * 5,
    "日本語" * 1000, "日本語\n①㈱髙\n", "～－∥\n", "😀\n" * 10, "a\tb\n",
    "--=_1\n--\n--=_\n", "\ufeffbom\n", "é" + "x" * 75 + "\n" + "é" + "x" * 69,
    "x" * 74 + " \n" + "x" * 75 + " \n", "\x01\x7f\x1b$B\n", "日本" * 160 + "\n",
    "日本" * 300 + "\n", "x" * 75 + ".\n" + "x" * 75 + "From me\n",
    "=?utf-8?q?x?=\n", "\u2028x\u0085y\n", "日本\nFrom 日本\n", "日本 \n.日本\n",
]
SIZES = [0, 1, 2, 3, 4, 56, 57, 58, 113, 114, 115, 4095, 4096, 4097, 58367,
         58368, 58369, 300000]
CHARSETS = [None, "utf-8", "iso-2022-jp"]

# What JIS and Windows see differently at one place.
TWINS = str.maketrans("～－∥—￠￡￢", "〜−‖―¢£¬")

failures = collections.Counter()


def fail(mail, what, expected, got):
    failures[what] += 1
    if failures[what] <= 3:
        print("%s: expected %.200r\n  got %.200r\n  of %.200s" % (
            what, expected, got, json.dumps(mail, ensure_ascii=False)))


def some_bytes(n, seed):
    """Not text, the same every time."""
    return bytes((i * i * 31 + i * 7 + seed) >> 3 & 255 for i in range(n))


def rotate(items):
    return itertools.cycle(items)


def mails():
    base = {"from": "a@example.jp", "to": ["b@example.jp"], "text": "x"}
    for charset in CHARSETS:
        extra = {} if charset is None else {"charset": charset}
        for subject in SUBJECTS:
            yield dict(base, subject=subject, headers={"X-Copy": subject},
                       **extra)
        # All pairs once, then each name with some address.
        pairs = itertools.product(NAMES, ADDRESSES) if charset is None else \
            zip(NAMES, rotate(ADDRESSES))
        for name, address in pairs:
            one = {"address": address}
            if name is not None:
                one["name"] = name
            yield dict(base, to=[one, {"name": "間", "address": "c@d.jp"}, one],
                       cc=one, **{"from": one}, **extra)
        sizes = rotate(SIZES)
        for text, kind in itertools.product(TEXTS, ("text", "html", "both")):
            mail = dict(base, **extra)
            del mail["text"]
            if kind != "html":
                mail["text"] = text
            if kind != "text":
                mail["html"] = "<p>" + text
            yield mail
            yield dict(mail, attachments=[attachment(None, next(sizes))])
        for name, size in zip(FILES, rotate(SIZES)):
            yield dict(base, attachments=[
                attachment(name, size), attachment(name, size + 1)], **extra)
        for kind in ("text", "html", "both"):
            for n in range(4):
                mail = dict(base, html="<img src='cid:c0'>", **extra)
                if kind == "html":
                    del mail["text"]
                if kind == "text":
                    del mail["html"]
                mail["attachments"] = [
                    dict(attachment("画%d.png" % i, 100 + i), cid="c%d" % i)
                    for i in range(n)] + [attachment("b.bin", 10)] * (n % 2)
                yield mail
    for size in SIZES:
        yield dict(base, attachments=[attachment("x.bin", size)])
    yield {"from": "a@example.jp", "bcc": "b@example.jp",
           "attachments": [attachment("x.bin", 9)]}


def attachment(name, size):
    data = some_bytes(size, size)
    one = {"content": {"base64": base64.b64encode(data).decode()},
           "type": "application/x-test"}
    if name is not None:
        one["name"] = name
    return one


def compose(program, all_mails):
    lines = "".join(json.dumps({"id": "m%d" % i, "at_ms": 1795302360000 + i,
                                "mail": mail}) + "\n"
                    for i, mail in enumerate(all_mails))
    done = subprocess.run([program], input=lines.encode(), check=True,
                          stdout=subprocess.PIPE)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(all_mails)
    return answers


WORD = re.compile(rb"=\?[^? ]+\?[QB]\?[^? ]*\?=")


def check_form(mail, raw):
    """What holds for all of them (RFC 5322 2.1.1, RFC 2047 2)."""
    if re.search(rb"\r(?!\n)|(?<!\r)\n|\x00|[\x80-\xff]", raw):
        fail(mail, "bytes", "7-bit, CRLF", raw)
    if max(map(len, raw.split(b"\r\n"))) > 998:
        fail(mail, "line", "at most 998", "more")
    header = raw.split(b"\r\n\r\n")[0]
    for line in header.split(b"\r\n"):
        if len(line) > 78 and b" " in line.strip().split(b": ")[-1]:
            fail(mail, "fold", "at most 78", line)
        if not line.strip():
            fail(mail, "fold", "no empty line", header)
        words = WORD.findall(line)
        if words and len(line) > 76:
            fail(mail, "line with encoded words", "at most 76", line)
        for word in words:
            if len(word) > 75:
                fail(mail, "encoded word", "at most 75", word)
            data, charset = email.header.decode_header(word.decode())[0]
            data.decode(charset)  # whole characters


def check_content_fields(mail, raw):
    """Those of all parts can be folded anywhere."""
    for part in email.message_from_bytes(raw).walk():
        for name, value in part.items():
            lines = (name + ": " + value).split("\r\n")
            if name.startswith("Content-") and max(map(len, lines)) > 78:
                fail(mail, "fold", "at most 78", value)


def twin(text, mail):
    return text.translate(TWINS) if mail.get("charset") == "iso-2022-jp" \
        else text


def same(mail, what, expected, got):
    if isinstance(got, str):
        expected, got = twin(expected, mail), twin(got, mail)
    if expected != got:
        fail(mail, what, expected, got)


def unquote(address):
    """Quotes that it needed only because of its dots."""
    local, at, domain = address.rpartition("@")
    return (local[1:-1] if local[:1] == '"' and " " not in local else
            local) + at + domain


def address_pairs(mail, member):
    value = mail.get(member, [])
    value = value if isinstance(value, list) else [value]
    return [(one.get("name", ""), one["address"]) if isinstance(one, dict)
            else ("", one) for one in value]


def normal(text):
    text = re.sub("\r\n|\r", "\n", text)
    return text if text.endswith("\n") else text + "\n"


def expected_leaves(mail):
    """(type, name, bytes or text, cid) in the order of the tree."""
    files = mail.get("attachments", [])
    inside = [f for f in files if "cid" in f and "html" in mail]
    leaves = []
    for kind, member in ("plain", "text"), ("html", "html"):
        if member in mail:
            leaves.append(("text/" + kind, None, normal(mail[member]), None))
    for one in inside + [f for f in files if f not in inside]:
        leaves.append((one["type"], one.get("name"),
                       base64.b64decode(one["content"]["base64"]),
                       one.get("cid")))
    return leaves


def decoded(text):
    return str(email.header.make_header(email.header.decode_header(text)))


# Since CVE-2023-27043 it takes address literals for malformed unless told.
LENIENT = ({"strict": False} if "strict" in inspect.signature(
    email.utils.getaddresses).parameters else {})


def python_addresses(raw, field):
    """By the older functions: the newer ones leave the white space between
    encoded words of a name (CPython issue 92081)."""
    values = email.message_from_bytes(raw).get_all(field, [])
    return [(decoded(re.sub(r"\r\n", "", name)), unquote(address))
            for name, address in email.utils.getaddresses(values, **LENIENT)]


def check_python(mail, raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    same(mail, "subject", mail.get("subject", ""), message["subject"] or "")
    if "headers" in mail:
        same(mail, "header", mail["headers"]["X-Copy"], message["x-copy"])
    for field in "from", "to", "cc":
        pairs = address_pairs(mail, field)
        if field != "to" or pairs:
            got = python_addresses(raw, field)
            same(mail, field + " addresses", [unquote(a) for _, a in pairs],
                 [a for _, a in got])
            for (name, _), (other, _) in zip(pairs, got):
                same(mail, field + " name", name, other)
    for part in message.walk():
        if part.defects:
            fail(mail, "defects", "none", part.defects)
    leaves = [p for p in message.walk() if not p.is_multipart()]
    expected = expected_leaves(mail)
    same(mail, "parts", [e[0] for e in expected],
         [p.get_content_type() for p in leaves])
    for (_, name, content, cid), part in zip(expected, leaves):
        if isinstance(content, str):
            # get_content() would make line ends of other characters.
            text = part.get_payload(decode=True).decode(
                part.get_content_charset())
            same(mail, "text", content, text.replace("\r\n", "\n"))
            continue
        same(mail, "content", content, part.get_payload(decode=True))
        # get_filename() takes blanks off.
        same(mail, "filename", (name or "").strip(" "),
             part.get_filename() or "")
        same(mail, "old name", name or "",
             part["content-type"].params.get("name", ""))
        same(mail, "cid", cid and "<%s>" % cid, part["content-id"])
    return [p.get_content_charset() for p in leaves]


def check_gmime(mail, answer, charsets):
    same(mail, "gmime subject", mail.get("subject", "").strip(" "),
         (answer["subject"] or "").strip(" "))
    for field in "from", "to", "cc":
        pairs = address_pairs(mail, field)
        same(mail, "gmime " + field, [unquote(a) for _, a in pairs],
             [unquote(a["address"]) for a in answer[field]])
        for (name, _), got in zip(pairs, answer[field]):
            same(mail, "gmime name", name, got["name"] or "")
    leaves = [p for p in answer["parts"] if "content" in p]
    expected = expected_leaves(mail)
    same(mail, "gmime parts", [e[0] for e in expected],
         [p["type"] for p in leaves])
    for (_, name, content, _), part, charset in zip(
            expected, leaves, charsets):
        data = base64.b64decode(part["content"])
        if isinstance(content, str):
            same(mail, "gmime text", content,
                 data.decode(charset).replace("\r\n", "\n"))
        else:
            same(mail, "gmime content", content, data)
            same(mail, "gmime name", name or "", part["name"] or "")


def main():
    all_mails = list(mails())
    answers = compose(sys.argv[1], all_mails)
    files, charsets = [], []
    os.mkdir("eyes")
    for i, (mail, answer) in enumerate(zip(all_mails, answers)):
        if "error" in answer:
            fail(mail, "composed", "a message", answer["error"])
            continue
        raw = base64.b64decode(answer["message"])
        files.append((mail, "eyes/%d" % i))
        with open(files[-1][1], "wb") as out:
            out.write(raw)
        check_form(mail, raw)
        check_content_fields(mail, raw)
        charsets.append(check_python(mail, raw))
    if len(sys.argv) > 2:
        done = subprocess.run([sys.argv[2]] + [f for _, f in files],
                              stdout=subprocess.PIPE, check=True)
        lines = done.stdout.splitlines()
        same({}, "gmime answers", len(files), len(lines))
        for (mail, _), line, found in zip(files, lines, charsets):
            check_gmime(mail, json.loads(line), found)
    print("%d mails, %d failures" % (len(all_mails), sum(failures.values())))
    return bool(failures)


sys.exit(main())

"""Whole mails of the sets mime-* and bounce-dsn, and what their sources say is
in them.  Sets without an assertion (mime-cpython, mime-mikel,
mime-spamassassin) are read as well: each mail has to become a record."""

import base64
import json
import re

from corpora import (ROOT, charsets, contains, digest, ingest, instant, rows,
                     same_mailboxes, squeeze)


def check(report):
    """All sets of mails, read by one process."""
    checks = {"mime-cpython": None, "mime-ja": compare_japanese,
              "mime-mikel": None, "mime-mimetools": compare_mimetools,
              "mime-phpmime": compare_phpmime, "mime-spamassassin": None,
              "mime-stalwart": compare_stalwart, "bounce-dsn": compare_dsn}
    paths = {(name, row["key"]): ROOT / name / row["file"]
             for name in checks for row in rows(name)}
    records = ingest(paths.values(), "-b", "-a")
    for name, compare in checks.items():
        report.begin(name)
        for row in rows(name):
            message = records[paths[name, row["key"]]].get("message")
            report.same(name, row["key"], "record", message is None, False)
            if compare is not None and row["basis"] == "source":
                compare(report, (name, row["key"]), row, message)


def contested(row, field):
    """Answers to field that are as good as the one expected."""
    ref = row.get("ref", {})
    return [ref.get(field)] if field in row.get("contested", []) else []


def unified(text):
    """A text with LF, without empty lines at its end."""
    return text.replace("\r\n", "\n").rstrip("\n")


def compare_subject(report, where, row, message):
    """The same words; contested ones either way."""
    report.same(*where, "subject", squeeze(message.get("subject")),
                squeeze(row["expect"]["subject"]),
                *map(squeeze, contested(row, "subject")))


def children(parts, path):
    """The parts that a part holds."""
    return [part for part in parts
            if re.fullmatch(re.escape(path) + r"\.\d+", part["part"])]


def compare_japanese(report, where, row, message):
    """mime-ja: subject, number of parts on top, text of the first one."""
    expect = row["expect"]
    if "subject" in expect:
        compare_subject(report, where, row, message)
    if "n_parts" in expect:
        report.same(*where, "n_parts",
                    max(1, len(children(message["parts"], "1"))),
                    expect["n_parts"])
    if "body" in expect:
        body = re.sub(r"\\u(?:\{(\w+)\}|(\w{4}))",
                      lambda m: chr(int(m[1] or m[2], 16)), expect["body"])
        report.same(*where, "body", unified(message["text"]), unified(body))


def compare_dsn(report, where, row, message):
    """bounce-dsn: a record does not classify bounces; but the part that does
    is found, and the fields that the source asserts are in its content."""
    parts = [part for part in message["parts"]
             if part["type"] == "message/delivery-status"]
    report.same(*where, "delivery-status", len(parts), 1)
    if not parts or "content" not in parts[0]:
        return
    text = base64.b64decode(parts[0]["content"]["base64"]).decode()
    for value in asserted(row["expect"]):
        report.same(*where, "delivery-status.text",
                    squeeze(value) in squeeze(text), True)


def asserted(expect):
    """The texts of fields in an expectation of bounce-dsn."""
    if isinstance(expect, str):
        yield expect
    elif isinstance(expect, (dict, list)):
        for value in expect.values() if isinstance(expect, dict) else expect:
            yield from asserted(value)


def compare_phpmime(report, where, row, message):
    """mime-phpmime: subject, addresses, texts, attachments."""
    expect = row["expect"]
    compare_subject(report, where, row, message)
    for field in ("from", "to"):
        ours = [php_mailbox(item.get("name"), item)
                for item in message.get(field, [])]
        same_mailboxes(report, where, field, ours,
                       [php_mailbox(item["display"], item)
                        for item in expect[field]], *contested(row, field))
    for field in ("text", "html"):
        wanted, ours = expect[field], message.get(field, "")
        if "match" in wanted:
            report.same(*where, field, unified(ours),
                        unified(wanted["match"] or ""))
        elif wanted.get("needle"):
            report.same(*where, field,
                        unified(ours).count(unified(wanted["needle"])),
                        wanted["count"])
    for number, wanted in enumerate(expect["attachments"]):
        compare_attachment(report, where, "attachments[%d]" % number, wanted,
                           message["parts"])


def php_mailbox(name, item):
    """Where there is no name, the source has the address for it."""
    if item.get("is_group"):
        return {"group": name, "members": []}
    return {"name": name if name != item["address"] else None,
            "address": item["address"]}


def compare_attachment(report, where, field, wanted, parts):
    """One of the parts is it."""
    found = [part for part in parts if fits(part, wanted)]
    report.same(*where, field, len(found) > 0, True)


def fits(part, wanted):
    """Is it the attachment, as far as is told?  The source makes up names,
    and then a disposition."""
    if not wanted["name"].startswith("noname") and (
            part.get("name"), part.get("disposition")) != (
                wanted["name"], wanted["disposition"]):
        return False
    if (part["type"] != wanted["type"].lower() or
            wanted["size"] not in (None, part.get("size"))):
        return False
    if "contains" not in wanted or "content" not in part:
        return True
    data = base64.b64decode(part["content"]["base64"])
    return data.count(wanted["contains"].encode()) == wanted["times"]


def same_parts(report, where, ours, theirs):
    """Compare parts in depth-first order, each what is told of it."""
    report.same(*where, "parts.n", len(ours), len(theirs))
    if len(ours) != len(theirs):
        return
    for part, wanted in zip(ours, theirs):
        for key, value in wanted.items():
            values = value if isinstance(value, tuple) else (value,)
            report.same(*where, "parts[%s].%s" % (part["part"], key),
                        part.get(key), *values)


def compare_mimetools(report, where, row, message):
    """mime-mimetools: the tree of mime4j, and where the reference files of
    MIME-tools tell of the same parts, those."""
    same_parts(report, where, message["parts"], with_contested(
        row, list(mime4j_parts(row, row["expect"]["tree"]))))
    for reference in row["expect"].get("mimetools", []):
        if not {"REPLACE", "ExtractUuencode"} & set(map(
                str, sum(reference["Parser"].items(), ()))):
            compare_reference(report, where, reference, message)


def with_contested(row, parts):
    """Where the bodies are contested, the size that the other has is as
    good."""
    if "body" in row.get("contested", []):
        for part, ref in zip(parts, row["ref"]["parts"]):
            if "size" in part:
                sizes = part["size"]
                if not isinstance(sizes, tuple):
                    sizes = (sizes,)
                part["size"] = (*sizes, ref.get("size"))
                del part["digest"]
    return parts


def mime4j_parts(row, node, parent="multipart/mixed"):
    """A node of the tree and those below it.  Some files of decoded text have
    CRLF where the mail has LF."""
    default = "message/rfc822" if parent == "multipart/digest" else "text/plain"
    kind = re.match(r"[^\s;]*", node.get("content_type", ""))[0].lower()
    part = {"type": kind or default}
    if "body" in node:
        data = (ROOT / "mime-mimetools" / node["body"]["file"]).read_bytes()
        unix = data.replace(b"\r\n", b"\n")
        part.update(size=(len(data), len(unix)),
                    digest=(digest(data), digest(unix)))
    yield part
    for child in node.get("parts", []):
        yield from mime4j_parts(row, child, part["type"])


def compare_reference(report, where, reference, message):
    """A reference file of MIME-tools: "Part_1_2" is the part 1.1.2.  The
    lines of its mails end in LF, those of the corpus in CRLF: sizes of texts
    differ."""
    parts = {part["part"]: part for part in message["parts"]}
    for name, wanted in reference.items():
        path = ".".join(["1"] + name.split("_")[1:])
        if name != "Msg" and not re.fullmatch(r"Part(_\d+)+", name):
            continue
        part = parts.get(path, {})
        for key, ours in (("Type", "type"), ("Charset", "charset"),
                          ("Disposition", "disposition"),
                          ("Filename", "name"), ("Size", "size")):
            is_text = part.get("type", "").startswith("text")
            if key in wanted and not (key == "Size" and is_text):
                value = wanted[key]
                value = int(value) if key == "Size" else value
                if key in ("Type", "Charset", "Disposition"):
                    value = value.lower()
                report.same(*where, "mimetools[%s].%s" % (path, ours),
                            part.get(ours), value)
        if name == "Msg" and "Subject" in wanted:
            report.same(*where, "mimetools.subject",
                        squeeze(message.get("subject")),
                        squeeze(wanted["Subject"]))


def compare_stalwart(report, where, row, message):
    """mime-stalwart: header, tree and texts."""
    expect = row["expect"]
    for field in ("from", "to", "cc", "bcc", "reply_to", "sender"):
        if field in expect:
            same_mailboxes(report, where, field, message.get(field),
                           expect[field], *contested(row, field))
    if "subject" in expect:
        compare_subject(report, where, row, message)
    if "date" in expect:
        report.same(*where, "date", instant(message.get("date")),
                    instant(expect["date"]))
    if "message_id" in expect:
        report.same(*where, "message_id",
                    re.sub(r"[<>\s]", "", message.get("message_id", "")),
                    expect["message_id"])
    name = re.sub(r"\.\w+$", ".json", row["file"])
    with open(ROOT / where[0] / "orig" / name, encoding="utf-8") as text:
        tree = json.load(text)
    same_parts(report, where, message["parts"],
               with_contested(row, list(stalwart_parts(expect, tree))))
    compare_texts(report, where, message, expect, tree)


def stalwart_parts(expect, tree):
    """The parts of a message and of those inside it."""
    for part, node in zip(expect["parts"], tree["parts"]):
        wanted = {key: part[key] for key in ("type", "disposition") if
                  key in part}
        if "filename" in part:
            wanted["name"] = part["filename"]
        if "charset" in part:
            wanted["charset"] = charsets(part["charset"])
        (kind, body), = node["body"].items()
        if kind in ("Binary", "InlineBinary"):
            wanted.update(size=len(body), digest=digest(bytes(body)))
        yield wanted
        if kind == "Message":
            yield from stalwart_parts(part["message"], body)


def compare_texts(report, where, message, expect, tree):
    """What is shown of a message, by the source's choice of parts (RFC 8621
    4.1.4), is in our text and html, too."""
    for field, kind in (("text_body", "Text"), ("html_body", "Html")):
        ours = unified(message.get(kind.lower(), ""))
        for number in expect[field]:
            body = tree["parts"][number]["body"]
            if kind in body:
                report.same(*where, "%s[%d]" % (field, number),
                            contains(ours, unified(body[kind])), True)

"""What Python's email package and GMime make of every mail of the corpora.

They are no judges: all three differ about malformed mail.  But no difference
may go unexplained.  A rule names a kind of difference and says when it is
there; what no rule explains fails the test.  So does a rule that nothing
needs.
"""

import base64
import collections
import email
import email.policy
import json
import os
import re
import subprocess

from corpora import LIMIT_S, ROOT, digest, ingest, short, squeeze

SETS = ("mime-*", "bounce-*", "arf-*", "dkim-*")
NO_MAILS = re.compile(r"/(SOURCE\.txt|expect\.ndjson|.*\.json|"
                      r"(decoded|orig|keys)/.*|keys)$")
ADDRESSES = ("from", "to", "cc")


def all_mails():
    """The files of all mails."""
    return sorted(path for pattern in SETS for path in ROOT.glob(
        pattern + "/**/*") if path.is_file() and not NO_MAILS.search(str(path)))


class Difference:
    """One field of one mail about which two differ."""

    def __init__(self, path, field, ours, theirs, message, raw):
        self.path, self.field = path, field
        self.ours, self.theirs = ours, theirs
        self.message, self.raw = message, raw
        self.defects = message.get("defects", [])

    def __str__(self):
        return "%s %s: ours %s, theirs %s" % (
            self.path.relative_to(ROOT), self.field, short(self.ours),
            short(self.theirs))


class Oracle:
    """Compares, and counts what each rule explains."""

    def __init__(self, name, rules):
        self.name, self.rules = name, rules
        self.compared = 0
        self.counts = collections.Counter()
        self.unexplained = []

    def compare(self, path, message, theirs, raw):
        """All that both tell of a mail."""
        for field, one, other in pairs(message, theirs):
            self.compared += 1
            if one != other:
                self.explain(Difference(path, field, one, other, message, raw))

    def explain(self, difference):
        """By the first rule that fits."""
        for rule in self.rules:
            if rule(difference):
                self.counts[rule.__name__] += 1
                return
        self.unexplained.append(difference)

    def finish(self, report):
        """Say what was found."""
        for difference in self.unexplained:
            report.failures.append("%s: %s" % (self.name, difference))
        for rule in self.rules:
            if not self.counts[rule.__name__]:
                report.failures.append("%s: nothing needs the rule %s" % (
                    self.name, rule.__name__))
        report.compared += self.compared
        print("%s: %d compared, %d differ:" % (
            self.name, self.compared, sum(self.counts.values())))
        for name, count in self.counts.most_common():
            print("  %4d %s" % (count, name))


def pairs(message, theirs):
    """(field, ours, theirs) for all that is compared."""
    yield ("subject", squeeze(message.get("subject")) or "",
           squeeze(theirs["subject"]) or "")
    for field in ADDRESSES:
        yield (field, addresses(message.get(field)), addresses(theirs[field]))
    ours, others = message["parts"], theirs["parts"]
    tree, other_tree = shape(ours), shape(others)
    yield "tree", tree, other_tree
    if tree == other_tree:
        for part, other in zip(ours, others):
            if "digest" in part and "data" in other:
                yield ("body of " + part["part"], part["digest"],
                       Body(other["data"]))


class Body:
    """Decoded bytes, compared by their digest: our bytes are not at hand."""

    def __init__(self, data):
        self.data = data

    def __eq__(self, other):
        return digest(self.data) == other

    def __repr__(self):
        return "%d bytes" % len(self.data)


def addresses(mailboxes):
    """Addresses alone: names differ too much."""
    return [item["address"] for item in mailboxes or []
            if item.get("address")]


def shape(parts):
    """Where which types are."""
    return [[part["part"], part["type"].lower()] for part in parts]


## Python's email.

def read_python(path):
    """A mail as Python sees it; None: it raises an exception."""
    try:
        message = email.message_from_bytes(path.read_bytes(),
                                           policy=email.policy.default)
        result = {"subject": header(message, "subject"),
                  "parts": list(python_parts(message, "1"))}
        for field in ADDRESSES:
            result[field] = python_addresses(message, field)
        return result
    except Exception:  # whatever it is, it is not about us
        return None


def header(message, name):
    """The first field of a name."""
    value = message.get(name)
    return None if value is None else str(value)


def python_addresses(message, field):
    """Of all fields of the name."""
    return [{"address": address.addr_spec}
            for value in message.get_all(field, [])
            for address in value.addresses]


def python_parts(message, path):
    """A part and those below it."""
    part = {"part": path, "type": message.get_content_type()}
    if not message.is_multipart():
        part["data"] = message.get_payload(decode=True) or b""
    yield part
    if message.is_multipart():
        for number, child in enumerate(message.get_payload(), 1):
            yield from python_parts(child, "%s.%d" % (path, number))


## GMime.

def read_gmime(paths):
    """Mails as GMime sees them."""
    run = subprocess.run([os.environ["GMIME"], *map(str, paths)],
                         timeout=LIMIT_S, stdout=subprocess.PIPE, check=True)
    lines = run.stdout.decode("utf-8").split("\n")[:-1]
    return dict(zip(paths, map(gmime_message, lines)))


def gmime_message(line):
    """A line of gmime's output; None: it found no message."""
    message = json.loads(line)
    for part in message["parts"] if message else ():
        if "content" in part:
            part["data"] = base64.b64decode(part["content"])
    return message


## Rules.  Each is true for the differences that it is about.

def no_at_is_no_address(d):
    """A bare word, "<>": text for us, an address for them."""
    return (d.field in ADDRESSES and
            d.ours == [a for a in d.theirs if "@" in a])


def address_like_text(d):
    """"a b@example.com" and "\"a@b\"@example.com: <c@example.com>": no address
    for us, and for them one."""
    return (d.field in ADDRESSES and len(d.ours) <= len(d.theirs) and
            re.search(rb"^(From|To|Cc):[^\n]*<\w+ \w+@|@[\w.]+: <", d.raw,
                      re.I | re.M) is not None)


def raw_bytes_in_address(d):
    """Python passes them on as surrogates."""
    return (d.field in ADDRESSES and
            any("\udc80" <= c <= "\udcff" for a in d.theirs for c in a))


def at_in_name(d):
    """"Mikel@Lindsaar <a@example.com>": Python stops before the brackets."""
    return d.field in ADDRESSES and re.search(
        rb"@\w+\"? <", d.raw) is not None


def lone_cr_is_no_line_end(d):
    """Python takes a CR for a line end, we for data.  Where there is no other
    one GMime finds nothing in a mail."""
    return b"\r" in d.raw.replace(b"\r\n", b"")


def field_without_name(d):
    """Where a line of the header is no field, we go on and Python does
    not."""
    return "bad-field-name" in d.defects


def no_blank_line(d):
    """A line without ':' begins the body; GMime goes on with the header, or
    loses the line."""
    return "no-blank-line" in d.defects


def byte_order_mark(d):
    """Before the first field: Python takes the mail for text."""
    return d.raw.startswith(b"\xef\xbb\xbf")


def first_field_counts(d):
    """Of fields that may be there once."""
    return "duplicate-field" in d.defects


def opened_message(d):
    """Python finds parts in message/delivery-status and its like, and in
    message/rfc822 that is encoded."""
    if d.field != "tree":
        return False
    closed = [path + "." for path, kind in d.ours
              if kind.startswith("message/") and
              not any(other.startswith(path + ".") for other, _ in d.ours)]
    return d.ours == [[path, kind] for path, kind in d.theirs
                      if not path.startswith(tuple(closed))]


def no_type(d):
    """What is no type/subtype: kept, text/plain or application/octet-stream."""
    return (d.field == "tree" and len(d.ours) == len(d.theirs) and
            all(one == other or "/" not in one[1] or
                (one[1], other[1]) == ("text/plain",
                                       "application/octet-stream")
                for one, other in zip(d.ours, d.theirs)))


def boundary_twice(d):
    """One boundary for two multiparts, or in two lines in a row, or one that
    begins like another."""
    if d.field != "tree":
        return False
    found = re.findall(rb'boundary\s*=\s*"?([^";\r\n]+)', d.raw)
    lines = re.findall(rb"^--(.+?)\r?$\n(?:\r?\n)*--(.+?)\r?$", d.raw, re.M)
    return (len(set(found)) < len(found) or
            any(one == other for one, other in lines) or
            any(one != other and other.startswith(one)
                for one in found for other in found))


def boundary_without_quotes(d):
    """Python does not take boundary=----=_x without quotes."""
    return d.field == "tree" and re.search(
        rb"boundary=[^\"\s;]*=", d.raw) is not None


def semicolon_missing(d):
    """Between type and boundary."""
    return d.field == "tree" and re.search(
        rb"multipart/\w+\s+boundary", d.raw) is not None


def size_of(d):
    """Of our decoded part that a difference is about."""
    return next(part["size"] for part in d.message["parts"]
                if d.field == "body of " + part["part"])


def blanks_at_line_ends(d):
    """Quoted-printable: RFC 2045 6.7 (3) says that they are to be deleted."""
    if not d.field.startswith("body") or not re.search(
            rb"quoted-printable", d.raw, re.I):
        return False
    blanks = re.findall(rb"[ \t]+(?=\r?\n|$)", d.theirs.data)
    return 0 < len(d.theirs.data) - size_of(d) <= sum(map(len, blanks))


def last_line_end(d):
    """Whether it belongs to the body, where no boundary follows."""
    return d.field.startswith("body") and (
        any(Body(d.theirs.data + end) == d.ours for end in (b"\n", b"\r\n"))
        or any(Body(re.sub(end, b"", d.theirs.data)) == d.ours
               for end in (rb"\r?\n\Z", rb"\r\Z")))


def broken_base64(d):
    """What to make of it: we skip what is not of the alphabet, and go on
    behind the padding."""
    return d.field.startswith("body") and "bad-base64" in d.defects


def incomplete_base64(d):
    """The bits that are there are bytes, with padding or without."""
    return (d.field.startswith("body") and b"base64" in d.raw.lower() and
            0 < size_of(d) - len(d.theirs.data) < 3)


def blank_after_encoding(d):
    """"Content-Transfer-Encoding: base64 ": Python does not know that."""
    return d.field.startswith("body") and re.search(
        rb"transfer-encoding: *[\w-]+[ \t]+\r?\n", d.raw, re.I) is not None


def guessed_charset(d):
    """Raw bytes in the header: we guess, Python has U+FFFD, GMime takes them
    for ISO-8859-1."""
    return d.field == "subject" and "header-not-utf8" in d.defects


def unknown_charset(d):
    """An encoded word in one stays as it is; they take it for ASCII."""
    return d.field == "subject" and "unknown-charset" in d.defects


def windows_characters(d):
    """What is said to be ISO-2022-JP, Shift_JIS or the like has characters
    that only Windows or a carrier has, or is cut between two words: for them
    not to be decoded, or '?'."""
    if d.field != "subject" or not re.search(
            rb"=\?(iso-2022-jp|shift_jis|iso-8859-8-i)\?", d.raw, re.I):
        return False
    return (re.search("=\\?|\ufffd|\\?", d.theirs) is not None or
            d.ours.startswith(d.theirs))


def padding_between_words(d):
    """GMime joins base64 words and stops at the first padding."""
    return d.field == "subject" and re.search(
        rb"=\?=\s+=\?[^?]+\?b\?", d.raw, re.I) is not None


PYTHON_RULES = [
    no_at_is_no_address, address_like_text, raw_bytes_in_address, at_in_name,
    lone_cr_is_no_line_end, field_without_name, no_blank_line,
    byte_order_mark, opened_message, no_type, boundary_twice, boundary_without_quotes, semicolon_missing,
    blanks_at_line_ends, last_line_end, broken_base64, blank_after_encoding,
    guessed_charset, unknown_charset, windows_characters]
GMIME_RULES = [
    no_at_is_no_address, address_like_text, lone_cr_is_no_line_end,
    no_blank_line, first_field_counts, no_type,
    boundary_twice, semicolon_missing, blanks_at_line_ends, last_line_end,
    broken_base64, incomplete_base64, guessed_charset, unknown_charset,
    windows_characters, padding_between_words]


def check(report):
    """Both, over all mails."""
    paths = all_mails()
    records = ingest(paths, "-b", "-a")
    gmime = read_gmime(paths)
    python, other = Oracle("python", PYTHON_RULES), Oracle("gmime", GMIME_RULES)
    for path in paths:
        message, raw = records[path]["message"], path.read_bytes()
        theirs = read_python(path)
        if theirs is not None:
            python.compare(path, message, theirs, raw)
        if gmime[path] is not None:
            other.compare(path, message, gmime[path], raw)
    python.finish(report)
    other.finish(report)

"""Mails that attack a parser.  GROUPS, and in each by name: what makes one of
size n as pieces of bytes, the size at which it is tried, and the defects that it
must have."""

HEAD = b"From: a@example.com\nDate: Sat, 21 Nov 2026 23:06:00 +0900\n"
PIECE = 1 << 20


def repeat(unit, n):
    """unit n times, in large pieces."""
    at_once = max(1, PIECE // len(unit))
    while n > 0:
        yield unit * min(n, at_once)
        n -= at_once


def numbered(form, n):
    """form % 0, form % 1, ... form % (n - 1)."""
    for i in range(0, n, 10000):
        yield b"".join(form % k for k in range(i, min(n, i + 10000)))


def field(name, start, unit, end=b"", head=HEAD):
    def make(n):
        yield head + name + b": " + start
        yield from repeat(unit, n)
        yield end + b"\n\nbody\n"

    return make


def body(kind, unit, encoding=b"8bit", start=b"", end=b"\n"):
    def make(n):
        yield HEAD + b"Content-Type: " + kind
        yield b"\nContent-Transfer-Encoding: " + encoding + b"\n\n" + start
        yield from repeat(unit, n)
        yield end

    return make


def fields(form, start=b"", end=b""):
    """A form that counts, between these, and a body."""

    def make(n):
        yield HEAD + start
        yield from numbered(form, n)
        yield end + b"\n\nbody\n"

    return make


def nested(n):
    """Multiparts in multiparts, none of which ends."""
    yield HEAD
    for i in range(n):
        yield b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i)


def nested_closed(n):
    yield from nested(n)
    for i in range(n - 1, -1, -1):
        yield b"\n--b%d--\n" % i


def messages(n):
    yield HEAD
    yield from repeat(b"Content-Type: message/rfc822\n\n", n)


def messages_with_parts(n):
    yield HEAD
    for i in range(n):
        yield b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i)
        yield b"Content-Type: message/rfc822\n\nSubject: x\n"


def multipart(unit, start=b"", end=b"--b--\n"):
    def make(n):
        yield HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + start
        yield from repeat(unit, n)
        yield end

    return make


ALIKE = b"b" * 60


def alike(n):
    """Forty levels whose boundaries differ at their ends, and lines that are
    nearly one of them."""
    yield HEAD
    for i in range(39):
        b = ALIKE + b"%02d" % i
        yield b"Content-Type: multipart/mixed; boundary=%s\n\n--%s\n" % (b, b)
    yield b"\n"
    yield from repeat(b"--" + ALIKE + b"\n--" + ALIKE + b"40\n", n // 2)


def prefixes(n):
    """Each boundary is the beginning of the next one."""
    yield HEAD
    for i in range(1, 39):
        yield b"Content-Type: multipart/mixed; boundary=%s\n\n" % (b"b" * i)
        yield b"--" + b"b" * i + b"\n"
    yield b"\n"
    yield from repeat(b"--" + b"b" * 50 + b"\n", n)


def attachment(n):
    yield HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n"
    yield b"--b\nContent-Type: application/pdf; name=a.pdf\n"
    yield b"Content-Transfer-Encoding: base64\n\n"
    line = b"JVBERi0xLjQKJeLjz9MKNCAwIG9iago8PC9MZW5ndGggNSAwIFIvRmlsdGVyL0ZsYXRlRGVj\n"
    yield from repeat(line, n // len(line))
    yield b"--b--\n"


def base64_line(n):
    yield HEAD + b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
    yield from repeat(b"QUJD", n // 4)
    yield b"\n"


def escapes():
    """Every escape sequence of ISO-2022-JP and -KR, and each cut."""
    whole = [b"\x1b(B", b"\x1b(J", b"\x1b(I", b"\x1b$@", b"\x1b$B", b"\x1b$(D",
             b"\x1b$(O", b"\x1b$(Q", b"\x1b$A", b"\x1b$)C", b"\x1b.A", b"\x0e"]
    out = b""
    for e in whole:
        for k in range(1, len(e) + 1):
            out += b"\x1b$B\x24" + e[:k] + b"\x24\x22" + e[:k] + b"\n" + e[:k]
    return out


def nuls(n):
    yield b"\0Sub\0ject: \0\n\0\n\n"
    yield from repeat(b"\0", n)


def nul_fields(n):
    yield HEAD
    yield from repeat(b"X\0: \0\0\0\n", n)
    yield b"\n\0"


def uuencode(n):
    yield HEAD + b"Content-Transfer-Encoding: x-uuencode\n\n"
    yield from repeat(b"begin 644 x\n", n)


def from_line(n):
    yield b"From "
    yield from repeat(b":1", n)
    yield b"\n" + HEAD + b"\nbody\n"


def mbox(unit):
    """One message, as an mbox."""

    def make(n):
        yield b"From a@example.com Sat Nov 21 23:06:00 2026\n" + HEAD + b"\nx\n"
        yield from repeat(unit, n)
        yield b"end\n"

    return make


def text(charset, unit):
    return body(b"text/plain; charset=" + charset, unit)


GROUPS = {
    "structure": {
        "nested": (nested, 100000, "too-deep unclosed-multipart"),
        "nested-closed": (nested_closed, 100000, "too-deep"),
        "messages": (messages, 100000, "too-deep"),
        "messages-parts": (messages_with_parts, 50000, "too-deep"),
        "parts": (multipart(b"--b\n\nx\n"), 200000, "too-many-parts"),
        "boundaries": (multipart(b"--b\n"), 1000000, "too-many-parts"),
        "boundary-dashes": (multipart(b"-"), 20000000, ""),
        "boundary-blanks": (multipart(b" ", b"--b\n\nx\n--b"), 20000000, ""),
        "closed-again": (multipart(b"--b--\n", b"--b\n\n"), 500000, ""),
        "alike": (alike, 200000, "unclosed-multipart"),
        "prefixes": (prefixes, 200000, "unclosed-multipart"),
        "part-headers": (multipart(b"--b\nX: y\nX: y\nX: y\n"), 100000,
                         "too-many-parts"),
        "part-header": (multipart(b"X: yyyyyyyyyyyyyyyyyyyy\n", b"--b\n"), 500000,
                        "too-many-fields"),
    },
    "headers": {
        "fields": (fields(b"X-%d: y\n"), 200000, "too-many-fields"),
        "same-fields": (fields(b"Content-Type: text/plain; x=%d\n"), 60000,
                        "too-many-fields duplicate-field"),
        "folds": (field(b"Subject", b"x", b"\n x"), 1000000, "header-too-long"),
        "blank-folds": (field(b"Subject", b"x", b"\n "), 1000000, "header-too-long"),
        "no-colons": (body(b"text/plain", b"x y\n", end=b""), 2000000, ""),
        "header-line": (field(b"X", b"", b"x"), 100000000, "header-too-long"),
        "8bit": (field(b"Subject", b"", b"\x83\x5c\xe9"), 340000, "header-not-utf8"),
        "from-line": (from_line, 5000000, ""),
    },
    "addresses": {
        "groups": (field(b"To", b"", b"g: a@b.example;, "), 10000,
                   "too-many-addresses"),
        "open-groups": (field(b"To", b"", b"g:"), 500000, "too-many-addresses"),
        "parentheses": (field(b"To", b"", b"("), 1048000, "bad-address"),
        "quotes": (field(b"To", b"", b'"'), 1048000, "bad-address"),
        "brackets": (field(b"To", b"", b"<"), 1048000, "bad-address"),
        "commas": (field(b"To", b"", b","), 1048000, ""),
        "routes": (field(b"To", b"<", b"@a,", b":a@b.example>"), 340000, ""),
        "dots": (field(b"To", b"a", b".", b"@b.example"), 1048000, ""),
        "ats": (field(b"To", b"a", b"@"), 1048000, "bad-address"),
        "pairs": (field(b"To", b'"', b"\\\\", b'" <a@b.example>'), 500000, ""),
        "literals": (field(b"To", b"a@", b"["), 1048000, "bad-address"),
        "addresses": (field(b"To", b"", b"a@b,"), 260000, "too-many-addresses"),
        "comments": (field(b"Date", b"", b"()"), 500000, "duplicate-field"),
    },
    "words": {
        "words": (field(b"Subject", b"", b"=?utf-8?q?a?= "), 100000,
                  "header-too-long"),
        "word-starts": (field(b"Subject", b"", b"=?"), 520000, ""),
        "word-halves": (field(b"Subject", b"", b"=?utf-8?q?"), 100000, ""),
        "word-japanese": (field(b"Subject", b"", b"=?iso-2022-jp?b?GyRC?= "), 40000,
                          ""),
        "word-names": (field(b"To", b"", b"=?utf-8?b?YQ==?= <a@b>, "), 40000,
                       "too-many-addresses"),
        "pieces": (fields(b" name*%d*=a;", b"Content-Type: text/plain;"), 10000, ""),
        "pieces-alike": (fields(b" name*0*=a%d;", b"Content-Type: text/plain;"),
                         60000, ""),
        "parameters": (fields(b" a%d=b;", b"Content-Type: text/plain;"), 80000, ""),
        "parameter-quotes": (field(b"Content-Type", b"text/plain; name=", b'"'),
                             1000000, ""),
        "parameter-comments": (field(b"Content-Type", b"text/plain; name=", b"("),
                               1000000, ""),
        "semicolons": (field(b"Content-Disposition", b"inline", b";"), 1000000, ""),
    },
    "encodings": {
        "attachment": (attachment, 50000000, ""),
        "body-line": (body(b"text/plain", b"x"), 100000000, "text-cut"),
        "base64-line": (base64_line, 100000000, "text-cut"),
        "base64-junk": (body(b"text/plain", b"=-_!", b"base64"), 5000000,
                        "bad-base64"),
        "qp-equals": (body(b"text/plain", b"=", b"quoted-printable"), 20000000,
                      "bad-quoted-printable"),
        "qp-breaks": (body(b"text/plain", b"=\n", b"quoted-printable"), 5000000, ""),
        "qp-blanks": (body(b"text/plain", b" ", b"quoted-printable"), 20000000, ""),
        "uu-begins": (uuencode, 2000000, "bad-uuencode"),
        "nuls": (nuls, 20000000, "nul no-header"),
        "nul-fields": (nul_fields, 100000, "nul bad-field-name too-many-fields"),
        "cr": (body(b"text/plain", b"\r"), 20000000, ""),
        "lf": (body(b"text/plain", b"\n"), 20000000, ""),
    },
    "charsets": {
        "escapes": (text(b"iso-2022-jp", escapes()), 20000, "bad-characters"),
        "escapes-unlabelled": (lambda n: (yield from [HEAD + b"\n"] +
                                          [escapes()] * n), 20000, ""),
        "utf-7": (text(b"utf-7", b"+AAA+"), 2000000, "text-cut"),
        "utf-7-open": (text(b"utf-7", b"+"), 10000000, ""),
        "utf-16": (text(b"utf-16", b"\xd8"), 10000000, "bad-characters"),
        "lead-bytes": (text(b"shift_jis", b"\x83"), 10000000, "bad-characters"),
        "euc": (text(b"euc-jp", b"\x8f"), 10000000, "bad-characters"),
        "gb18030": (text(b"gb18030", b"\x81\x30"), 5000000, "bad-characters"),
        "iso-2022-kr": (text(b"iso-2022-kr", b"\x1b$)C\x0e\x21"), 2000000, ""),
        "unknown": (text(b"x-nobody", b"\xff"), 10000000, "unknown-charset"),
    },
    "mbox": {
        "mbox-lines": (mbox(b"From x 10:10\n"), 500000, ""),
        "mbox-blanks": (mbox(b"\nFrom x\n"), 500000, ""),
        "mbox-line": (mbox(b"From :"), 3000000, ""),
        "mbox-lf": (mbox(b"\n"), 10000000, ""),
    },
}

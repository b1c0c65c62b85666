"""Messages to sign, in a directory: DIRECTORY."""

import pathlib
import sys

HEAD = (b"From: =?utf-8?B?5Y+X5rOo?= <shop@example.jp>\r\n"
        b"To: a@example.com\r\nSubject: test\r\n"
        b"Date: Sat, 21 Nov 2026 23:06:00 +0900\r\n"
        b"Message-ID: <1@example.jp>\r\n")
MIME = (b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n")
TEXT = HEAD + MIME + b"\r\nHello,\r\n\r\nworld\r\n"

MESSAGES = {
    "plain": TEXT,
    "folded": TEXT.replace(b"Subject: test", b"Subject:  a\r\n\tvery \t long"
                           b"\r\n   one \r\n \t \r\n x").replace(
        b"To: a", b"TO:\r\n a"),
    # RFC 5322, 4.5; dkimpy takes no such message.
    "old-form": TEXT.replace(b"To: a", b"TO : a"),
    "two-to": TEXT.replace(b"To: ", b"To: b@example.com\r\nTo:  "),
    "8bit": TEXT.replace(b"world", "\u53d7\u6ce8\u3000\u2460".encode()),
    "bytes": TEXT.replace(b"world", bytes(range(14, 256)) + b"\0\x01"),
    "8bit-header": TEXT.replace(b"Subject: test", "Subject: \u53d7".encode()),
    "iso-2022-jp": HEAD + b"\r\n" + "\u53d7\u6ce8".encode("iso2022_jp")
                   + b"\r\n",
    "empty-body": HEAD + b"\r\n",
    "white-body": HEAD + b"\r\n  \t \r\n\r\n \r\n",
    "white-end": TEXT + b"end \t \r\n \r\n\r\n\r\n",
    "white-inside": TEXT + b"\r\n\r\na  \t b\t\tc\r\n   d\r\n",
    "headers-only": HEAD,
    "lf": TEXT.replace(b"\r\n", b"\n"),
    "lf-no-end": TEXT.replace(b"\r\n", b"\n") + b"end",
    "cr": TEXT.replace(b"\r\n", b"\r"),
    "dots": TEXT + b".\r\n..\r\n.x\r\n",
    "long-line": TEXT + b"x" * 990 + b"\r\n" + b"y z " * 240 + b"\r\n",
    "unsubscribe": b"List-Unsubscribe: <https://example.jp/u?t=1>\r\n"
                   b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                   b"Reply-To: r@example.jp\r\nCc: c@example.jp\r\n"
                   b"Sender: s@example.jp\r\nList-Id: <l.example.jp>\r\n"
                   b"References: <0@example.jp>\r\n" + TEXT,
    "large": TEXT + b"a line of  it \t with white space at its end  \r\n"
             * 110_000,
}

directory = pathlib.Path(sys.argv[1])
directory.mkdir()
for name, text in MESSAGES.items():
    (directory / name).write_bytes(text)

"""dkimpy's opinion: KEYS FILE...; a line for each file, "NAME WORD WORD"."""

import os
import sys

import dkim
import nacl  # noqa: F401  what dkimpy needs for Ed25519

with open(sys.argv[1], "rb") as lines:
    KEYS = dict(line.rstrip(b"\n").split(b" ", 1) for line in lines)


def record(name, timeout=5):
    return KEYS.get(name.rstrip(b"."), b"")


def verify(message, i):
    try:
        return "pass" if message.verify(i, dnsfunc=record) else "fail"
    except dkim.ValidationError:  # the body's digest
        return "fail"


for path in sys.argv[2:]:
    with open(path, "rb") as file:
        text = file.read()
    n = text.split(b"\r\n\r\n")[0].count(b"DKIM-Signature:")
    print(os.path.basename(path),
          *(verify(dkim.DKIM(text), i) for i in range(n)))

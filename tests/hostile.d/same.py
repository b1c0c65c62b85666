#!/usr/bin/env python3
"""same.py [FILE]... <RECORDS: record i is valid JSON and holds the bytes of
FILE i, inline or in the spool of $MAILPIPE_STATE.  For each a line with its
defects is printed; what differs is said, and the exit status 1."""
import base64
import json
import os
import sys


def fail(i, what):
    sys.exit(f"record {i + 1}: {what}")


def content(record):
    c = record["content"]
    if "base64" in c:
        return base64.b64decode(c["base64"], validate=True)
    with open(os.path.join(os.environ["MAILPIPE_STATE"], c["path"]), "rb") as f:
        return f.read()


def main():
    n = 0
    files = sys.argv[1:]
    for i, line in enumerate(sys.stdin.buffer):
        if len(line) > 8 << 20:
            fail(i, "longer than a line may be")
        record = json.loads(line.decode("utf-8"))
        if i >= len(files):
            fail(i, "there are only %d files" % len(files))
        with open(files[i], "rb") as f:
            if content(record) != f.read():
                fail(i, f"other bytes than {files[i]}")
        print(*record["message"].get("defects", []))
        n += 1
    if n < len(files):
        fail(n, "is missing")


main()

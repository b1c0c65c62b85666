#!/usr/bin/env python3
"""cuts.py DIR [MAILS [CUTS]]: MAILS mails below DIR, each cut at CUTS places,
at every byte when it has no more: every beginning becomes a record, byte for
byte, and each mail's beginnings are the work of one process."""
import base64
import json
import os
import subprocess
import sys

SIZE_MAX = 30000


def mails(root, n):
    """n of them, of all sizes and corpora."""
    found = []
    for folder, _, names in os.walk(root):
        if os.path.basename(os.path.dirname(folder)).startswith("json"):
            continue
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".eml") and 0 < os.path.getsize(path) <= SIZE_MAX:
                found.append((os.path.getsize(path), path))
    found.sort()
    return [path for _, path in found[::max(1, len(found) // n)]][:n]


def cuts(size, n):
    return range(size + 1) if size <= n else \
        sorted({size * i // n for i in range(n)} | {size - 1, size})


def records(texts):
    files = []
    for i, text in enumerate(texts):
        files.append("cut.%d" % i)
        with open(files[-1], "xb") as f:
            f.write(text)
    done = subprocess.run(["mail-ingest", "-t", "t", "-r", "r@x", "-b"] + files,
                          stdout=subprocess.PIPE, check=True)
    subprocess.run(["jq", "-e", ".id"], input=done.stdout, check=True,
                   stdout=subprocess.DEVNULL)
    for file in files:
        os.unlink(file)  # to write it again would be slow
    return done.stdout.splitlines()


def check(path, n):
    with open(path, "rb") as f:
        mail = f.read()
    texts = [mail[:at] for at in cuts(len(mail), n)]
    lines = records(texts)
    if len(lines) != len(texts):
        sys.exit("%s: %d records of %d" % (path, len(lines), len(texts)))
    for text, line in zip(texts, lines):
        record = json.loads(line.decode("utf-8"))
        if base64.b64decode(record["content"]["base64"]) != text:
            sys.exit("%s: other bytes, cut at %d" % (path, len(text)))
        if "parser-killed" in record["message"].get("defects", []):
            sys.exit("%s: a parser died, cut at %d" % (path, len(text)))
    return len(texts)


def main():
    root = sys.argv[1]
    n_mails, n_cuts = [int(a) for a in sys.argv[2:4] + ["50", "200"][
        len(sys.argv) - 2:]]
    chosen = mails(root, n_mails)
    if len(chosen) < n_mails:
        sys.exit("only %d mails in %s" % (len(chosen), root))
    print(sum(check(path, n_cuts) for path in chosen), "beginnings")


main()

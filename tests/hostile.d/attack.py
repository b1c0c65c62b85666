#!/usr/bin/env python3
"""attack.py GROUP...: attacks (attacks.py) on mail-ingest, each in four sizes,
n/8, n/4, n/2 and n.  Each mail must be recorded, byte for byte, with the defects
that are due, within bounds of memory and processor time; and eight times the
mail may take no more than twelve times the time.  What is wrong is said on
stderr, the figures on stdout.

Programs with sanitizers are slow and large: they get n/8 only, without bounds."""
import base64
import json
import os
import subprocess
import sys

from attacks import GROUPS

MEMORY_KB = 32 * 1024
CPU_S = 5.0
TIMES = 12
FLOOR_S = 0.010  # less is noise
TRIES = 4
IS_SANITIZED = "/san/" in os.environ.get("MAILPIPE_BIN", "")
SIZES = (8,) if IS_SANITIZED else (8, 4, 2, 1)  # the nth part

ATTACKS = {name: row for group in GROUPS.values() for name, row in group.items()}


def make(name, n):
    file = "mail.%s" % name
    with open(file, "wb") as f:
        for piece in ATTACKS[name][0](n):
            f.write(piece)
    return file


def ingest(file):
    """Exit status, output, rusage (of the program and its parser)."""
    kind = "mbox:" if "mbox" in file else ""
    p = subprocess.Popen(["mail-ingest", "-t", "t", "-r", "r@x", "-b",
                          kind + file],
                         stdout=subprocess.PIPE)
    out = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    return p.returncode, out, usage


def same(record, file):
    content = record["content"]
    if "base64" in content:
        with open(file, "rb") as f:
            return base64.b64decode(content["base64"]) == f.read()
    path = os.path.join(os.environ["MAILPIPE_STATE"], content["path"])
    is_same = subprocess.call(["cmp", "-s", path, file]) == 0
    os.unlink(path)
    return is_same


def check(name, file, status, out, usage):
    """What is wrong with this one."""
    if status != 0:
        return "exit status %d" % status
    if out.count(b"\n") != 1 or out[-1:] != b"\n":
        return "not one line"
    if len(out) > 8 << 20:
        return "the line has %d bytes" % len(out)
    if subprocess.run(["jq", "-e", ".id"], input=out,
                      stdout=subprocess.DEVNULL).returncode != 0:
        return "no JSON for jq"
    record = json.loads(out.decode("utf-8"))
    if not same(record, file):
        return "other bytes"
    defects = record["message"].get("defects", [])
    missing = set(ATTACKS[name][2].split()) - set(defects)
    if (missing and not IS_SANITIZED) or "parser-killed" in defects:
        return "defects %s, expected %s" % (defects, ATTACKS[name][2])
    if usage.ru_maxrss > MEMORY_KB and not IS_SANITIZED:
        return "%d KiB of memory" % usage.ru_maxrss
    return None


def seconds(usage):
    return usage.ru_utime + usage.ru_stime


def measure(name):
    """Try it in each size; the seconds, and what is wrong."""
    n = ATTACKS[name][1]
    times, memory, wrong = [], 0, None
    for k in SIZES:
        file = make(name, n // k)
        status, out, usage = ingest(file)
        times.append(seconds(usage))
        memory = max(memory, usage.ru_maxrss)
        if k == SIZES[-1]:
            wrong = check(name, file, status, out, usage)
        elif status != 0 or not same(json.loads(out), file):
            wrong = wrong or "size 1/%d: not recorded" % k
        os.unlink(file)
    return times, memory, wrong


def is_linear(times):
    return IS_SANITIZED or times[-1] <= TIMES * max(times[0], FLOOR_S)


def attack(name):
    times, memory, wrong = measure(name)
    for _ in range(TRIES):
        if wrong or is_linear(times):
            break
        # A busy machine: the best time of each size counts.
        again, _, wrong = measure(name)
        times = [min(pair) for pair in zip(times, again)]
    if not wrong and not is_linear(times):
        wrong = "not linear: %s s" % times
    if not wrong and times[-1] > CPU_S and not IS_SANITIZED:
        wrong = "%.1f s" % times[-1]
    print("%-20s %s s, %5d KiB" %
          (name, " ".join("%6.3f" % t for t in times), memory), flush=True)
    if wrong:
        print("%s: %s" % (name, wrong), file=sys.stderr)
    return not wrong


def main():
    names = [name for group in sys.argv[1:] for name in GROUPS[group]]
    sys.exit(0 if all([attack(name) for name in names]) else 1)


main()

#!/usr/bin/env python3
"""watch.py DIR TEST_S ALL_S: a time limit for each test of the run whose
TMPDIR is DIR, and one for all of them.  (bats has one for each test, but a
test that ends just as that one starts leaves a sleep behind, for which the
runner waits.)

What a test that takes too long was doing is printed, and what it has started
is killed, so that it fails by itself; if it does not, it is killed as well."""
import os
import signal
import subprocess
import sys
import time

LOOK_S = 5
GRACE_S = 60
ONE_TEST = "bats-exec-test"


def environ(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            return f.read().split(b"\0")
    except OSError:
        return []


def processes(tmpdir):
    """PID: (parent, command line), of those in the run."""
    mark = b"TMPDIR=" + tmpdir.encode()
    ps = subprocess.run(["ps", "-eo", "pid=,ppid=,args="],
                        capture_output=True, text=True, errors="replace",
                        check=False)
    found = {}
    for line in ps.stdout.splitlines():
        pid, parent, *args = line.split(None, 2)
        if mark in environ(int(pid)):
            found[int(pid)] = (int(parent), "".join(args))
    return found


def tests(of):
    """The tests, without the shells that they have forked."""
    return [pid for pid, (parent, args) in of.items() if ONE_TEST in args
            and ONE_TEST not in of.get(parent, (0, ""))[1]]


def below(pid, of):
    for child, (parent, _) in of.items():
        if parent == pid:
            yield child
            yield from below(child, of)


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def show(why, of):
    print(f"{time.strftime('%H:%M:%S')} {why}", flush=True)
    subprocess.run(["ps", "-o", "pid,ppid,stat,etimes,time,wchan:24,args",
                    "--forest", "-p", ",".join(map(str, of))], check=False)
    sys.stdout.flush()


def main():
    tmpdir, test_s, all_s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    end = time.monotonic() + all_s
    seen = {}  # when first: ps counts from a clock that may be set
    warned = set()
    while True:
        time.sleep(LOOK_S)
        of = processes(tmpdir)
        now = time.monotonic()
        if now > end:
            show(f"all tests together took longer than {all_s} s", of)
            kill(of)
            return
        seen = {pid: seen.get(pid, now) for pid in tests(of)}
        for pid, since in seen.items():
            age = now - since
            if age > test_s and pid not in warned:
                warned.add(pid)
                mine = list(below(pid, of))
                show(f"a test took longer than {test_s} s", [pid, *mine])
                kill(mine)
            elif age > test_s + GRACE_S:
                kill([pid])


main()

#!/usr/bin/python3
"""account.py SHOWN LOCKS LOG...: does each mail's history agree with what the
server has seen, and with its lock?

SHOWN has what mail-store show says of each mail, LOCKS what mail-lock list
does, each LOG is one of tests/smtp.d/server.py.  A line for each mail that does
not agree goes to stdout, and the sum as one line of JSON at the end; the exit
status is 1 if any was wrong.

A recipient has one mail.  Nobody knows what came of a try that was interrupted,
or whose result was uncertain: these are the unknown ones.
"""
import collections
import json
import sys


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def events(mail):
    """"start", "unknown", "known" (a result of mail-send), in their order."""
    found = []
    for h in mail["history"]:
        entry = h.get("entry", {})
        if h["event"] == "start":
            found.append("start")
        elif h["event"] == "interrupted":
            found.append("unknown")
        elif (h["event"] == "result" and entry.get("stage") == "mail-send"
              and not entry.get("detail", {}).get("replayed")):
            found.append("unknown" if entry["status"] == "uncertain"
                         else "known")
    return found


def wrongs(mail, seen, taken, lock):
    """What is wrong with one mail."""
    state, what = mail["state"], events(mail)
    starts, unknown = what.count("start"), what.count("unknown")
    if state not in ("succeeded", "dead", "parked"):
        yield "it has not ended"
    if seen > starts:
        yield "sent %d times, started %d times" % (seen, starts)
    # What was said of a try that waited (snooze) had no start.
    if starts > len(what) - starts:
        yield "a start has no end"
    if state == "succeeded" and taken == 0:
        yield "nobody has it"
    if taken > unknown + (state == "succeeded"):
        yield "%d copies, %d unknown" % (taken, unknown)
    if taken > 1 and mail["tenant"] != "again":
        yield "%d copies, and no policy allows that" % taken
    if state == "parked" and (not what or what[-1] != "unknown"):
        yield "parked, but it is known what came of it"
    # A lock that is free again knows that nothing was sent; mail-queue settle
    # has not come to say so.
    fits = {"succeeded": ("done",), "dead": ("free",),
            "parked": ("claimed", "uncertain") + ("free",) * (taken < unknown)}
    if lock not in fits.get(state, (lock,)):
        yield "its lock is " + lock


def main():
    mails, locks = lines(sys.argv[1]), lines(sys.argv[2])
    held = {lock["id"]: lock["state"] for lock in locks}
    seen, taken = collections.Counter(), collections.Counter()
    for path in sys.argv[3:]:
        for event in lines(path):
            if event["event"] == "mail":
                seen.update(event["to"])
                if event["accepted"]:
                    taken.update(event["to"])
    total, bad, known = collections.Counter(), 0, set()
    for mail in mails:
        to = mail["envelope"]["to"]
        problems = list(wrongs(mail, seen[to], taken[to],
                               held.get(mail["id"], "free")))
        if to in known:
            problems.append("another mail to the same")
        known.add(to)
        if problems:
            bad += 1
            print("%s: %s: %s" % (to, "; ".join(problems), json.dumps(mail)))
        what = events(mail)
        total["mails"] += 1
        total[mail["state"]] += 1
        total["starts"] += what.count("start")
        total["unknown"] += what.count("unknown")
        total["copies"] += taken[to]
        total["twice"] += taken[to] > 1
    if set(seen) - known:
        bad += 1
        print("nobody's mail: %s" % sorted(set(seen) - known)[:5])
    total["wrong"] = bad
    print(json.dumps(total))
    sys.exit(bad > 0)


main()

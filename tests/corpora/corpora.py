"""The corpora, the program under test, and what may differ.

A corpus is a set of rows (expect.ndjson) and files; see README.md and
SOURCE.txt there.  A difference between an expectation and our record is a
failure unless tests/corpora/deviations has a row for it, and so is a row of
that file that nothing needs.
"""

import codecs
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
ROOT = pathlib.Path(os.environ["MAILPIPE_SHARED"]) / "corpora"
LIMIT_S = 300  # for all mails of a run


def rows(name):
    """The rows of a set, each with an id of its own as "key"."""
    with open(ROOT / name / "expect.ndjson", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            row["key"] = row.get("file") or "#%d" % number
            yield row


def digest(data):
    """As mailpipe writes it."""
    return "b2:" + hashlib.blake2b(data, digest_size=32).hexdigest()


def ingest(paths, *options):
    """The records of messages: {path: record}."""
    command = ["mail-ingest", "-t", "t1", "-i", *options, "--"]
    run = subprocess.run([*command, *map(str, paths)], timeout=LIMIT_S,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False)
    if run.returncode != 0 or run.stderr:
        sys.exit("mail-ingest: exit status %d: %s" % (
            run.returncode, run.stderr.decode("utf-8", "replace")[:2000]))
    by_digest = {}
    for line in run.stdout.decode("utf-8").split("\n")[:-1]:
        record = json.loads(line, parse_constant=refuse_constant)
        by_digest[record["digest"]] = record
    return {path: by_digest[digest(path.read_bytes())] for path in paths}


def refuse_constant(name):
    """NaN and Infinity are no JSON, although Python takes them."""
    raise ValueError(name)


def ingest_bytes(mails):
    """The "message" of mails that are no files: {key: bytes}."""
    with tempfile.TemporaryDirectory() as directory:
        paths = {}
        for number, key in enumerate(mails):
            paths[key] = pathlib.Path(directory, "%d.eml" % number)
            paths[key].write_bytes(mails[key])
        records = ingest(paths.values(), "-b")
        return {key: records[paths[key]]["message"] for key in mails}


class Report:
    """Differences, and whether each may be."""

    def __init__(self):
        self.allowed = {}
        self.used = set()
        self.sets = set()
        self.compared = 0
        self.failures = []
        with open(HERE / "deviations", encoding="utf-8") as lines:
            for line in lines:
                if line.strip() and not line.startswith("#"):
                    name, key, field, reason = line.split(None, 3)
                    self.allowed[name, key, field] = reason

    def begin(self, name):
        """Rows of the set called name come now."""
        self.sets.add(name)

    def same(self, name, key, field, ours, theirs, *others):
        """ours has to be theirs, or one of the others."""
        self.compared += 1
        if ours == theirs or ours in others or is_guess(ours, theirs):
            return
        if (name, key, field) in self.allowed:
            self.used.add((name, key, field))
            return
        self.failures.append("%s %s %s: got %s, expected %s" % (
            name, key, field, short(ours), short(theirs)))

    def finish(self):
        """Say what failed; the exit status."""
        for row in self.allowed:
            if row[0] in self.sets and row not in self.used:
                self.failures.append(
                    "deviations: %s %s %s: not needed any more" % row)
        print("\n".join(self.failures))
        print("%d compared, %d deviate with a reason, %d differ" % (
            self.compared, len(self.used), len(self.failures)))
        return 1 if self.failures else 0


def pattern(text):
    """What text may be where it says U+FFFD of raw bytes: we guess what they
    are."""
    return re.escape(text).replace("\ufffd", ".")


def is_guess(ours, theirs):
    """Is it the same but for raw bytes?"""
    return (isinstance(ours, str) and isinstance(theirs, str) and
            re.fullmatch(pattern(theirs), ours, re.S) is not None)


def contains(ours, theirs):
    """Is it in ours, raw bytes aside?"""
    return re.search(pattern(theirs), ours, re.S) is not None


def short(value):
    """A value for a diagnostic."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 300 else text[:300] + "…"


def squeeze(text):
    """Runs of white space as one blank, none at the ends."""
    return None if text is None else " ".join(text.split())


def mailboxes(found):
    """Mailboxes of a record, or of an expectation, as tuples of name,
    address and group; absent and empty names are one."""
    result = []
    for item in found or []:
        if "members" in item:
            result += group(item)
        else:
            result.append((squeeze(item.get("name")) or None,
                           item.get("address"), squeeze(item.get("group"))))
    return result


def group(item):
    """A group of an expectation, as records have it."""
    members = [(name, address, squeeze(item["group"]))
               for name, address, _ in mailboxes(item["members"])]
    return members or [(None, None, squeeze(item["group"]))]


def same_mailboxes(report, where, field, ours, theirs, *others):
    """Compare lists of mailboxes, name by name and address by address, so
    that a deviation says which of them it is about."""
    ours, theirs = mailboxes(ours), mailboxes(theirs)
    if ours in [mailboxes(other) for other in others]:
        ours = theirs
    report.same(*where, field + ".n", len(ours), len(theirs))
    for number, (got, expected) in enumerate(zip(ours, theirs)):
        if is_text(got, expected):
            continue
        for part, one, other in zip(("name", "address", "group"), got,
                                    expected):
            report.same(*where, "%s[%d].%s" % (field, number, part), one,
                        other)


def is_text(ours, theirs):
    """What has no '@', or is a URL, is no address for us but text, kept as a
    name."""
    return (theirs[1] is not None and ours[1] is None and
            ("@" not in theirs[1] or re.match(r"\w+:", theirs[1])) and
            theirs[1] in (ours[0] or ""))


def instant(text):
    """A date; an unknown zone and UTC are one: not all tell them apart."""
    if text is None:
        return None
    for utc in ("Z", "-00:00"):
        if text.endswith(utc):
            text = text[:-len(utc)] + "+00:00"
    return text


def charsets(label):
    """The names of a charset that are one for Python."""
    try:
        return label.lower(), codecs.lookup(label).name
    except LookupError:
        return (label.lower(),)

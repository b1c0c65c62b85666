"""Field values of the sets hdr-*, addr-*, each in a mail of its own."""

import re

from corpora import (charsets, ingest_bytes, instant, mailboxes, rows,
                     same_mailboxes, squeeze)

FIELDS = {"address": "To", "content_type": "Content-Type", "date": "Date",
          "id": "Message-ID", "list": "Keywords", "received": "Received",
          "unstructured": "Subject"}


def mail(field, value):
    """A mail of one field."""
    data = value.encode("utf-8", "surrogatepass")
    if not data.endswith(b"\n"):
        data += b"\n"
    return field.encode() + b": " + data + b"\n"


def messages(name, value_of):
    """The rows of a set whose value_of is a field and its value, each with
    its message."""
    wanted, mails = [], {}
    for row in rows(name):
        pair = value_of(row)
        if pair is not None:
            wanted.append(row)
            mails[row["key"]] = mail(*pair)
    found = ingest_bytes(mails)
    return [(row, found[row["key"]]) for row in wanted]


def check_stalwart(report):
    """hdr-stalwart: addresses, dates, types, ids, unstructured text.  The
    parsed forms of Received and of lists of words are no part of a record:
    these fields only have to be among "headers"."""
    name = "hdr-stalwart"
    report.begin(name)
    for row, message in messages(
            name, lambda row: (FIELDS[row["case"]], row["input"]["value"])):
        compare_field(report, (name, row["key"]), row, message)


def compare_field(report, where, row, message):
    """One row of hdr-stalwart."""
    case, expect = row["case"], row["expect"]
    part = (message.get("parts") or [{}])[0]
    if case == "address":
        same_mailboxes(report, where, "to", message.get("to"), expect)
    elif case == "date":
        report.same(*where, "date", instant(message.get("date")),
                    instant(expect))
    elif case == "unstructured":
        report.same(*where, "subject", squeeze(message.get("subject")),
                    squeeze(expect))
    elif case == "id":
        compare_id(report, where, message.get("message_id"), expect)
    elif case == "content_type":
        compare_type(report, where, part, expect)
    else:
        report.same(*where, "headers", message["headers"][0]["name"],
                    FIELDS[case])


def compare_id(report, where, ours, expect):
    """The first of several ids counts."""
    first = expect[0] if isinstance(expect, list) else expect
    report.same(*where, "message_id", re.sub(r"[<>\s]", "", ours),
                re.sub(r"\s", "", first))


def compare_type(report, where, part, expect):
    """What a record tells of a type: itself, its charset, its name.  What is
    no type is text (RFC 2045 5.2)."""
    if expect is None:
        kind, params = "text/plain", {}
    elif "c_type" in expect:
        kind = "/".join(filter(None, (expect["c_type"], expect["c_subtype"])))
        params = dict(expect["attributes"] or [])
    else:
        kind, params = expect["type"], expect["params"]
    report.same(*where, "type", part["type"], kind.lower())
    if "charset" in params:
        report.same(*where, "charset", part.get("charset"),
                    *charsets(params["charset"]))
    if "name" in params:
        report.same(*where, "name", squeeze(part.get("name")),
                    squeeze(params["name"]))


def check_japanese(report):
    """addr-ja: what a source takes as an address comes out unchanged.  What
    it refuses it refuses as a validator; a header is read all the same."""
    name = "addr-ja"
    report.begin(name)
    for row, message in messages(
            name, lambda row: ("To", row["input"].get("address") or
                               row["input"]["to"])):
        if row["expect"].get("accept"):
            report.same(name, row["key"], "to",
                        mailboxes(message.get("to")),
                        [(None, row["input"]["address"], None)])


def check_isemail(report):
    """addr-isemail: what is an address by RFC 5322, obsolete forms included,
    comes out as one, without comments and white space; but not with control
    characters.  ERR: no claim."""
    name = "addr-isemail"
    report.begin(name)
    for row, message in messages(
            name, lambda row: ("To", row["input"]["address"])):
        if row["expect"]["category"] == "ISEMAIL_ERR":
            continue
        wanted = without_cfws(row["input"]["address"])
        found = [address for _, address, _ in mailboxes(message.get("to"))
                 if address is not None]
        report.same(name, row["key"], "to", found,
                    [] if re.search(r"[\0-\x1f\x7f]", wanted) else [wanted])


def without_cfws(address):
    """Without comments and without white space outside of quotes."""
    while True:
        shorter = re.sub(r'\((?:[^()\\]|\\.)*\)', "", address)
        if shorter == address:
            break
        address = shorter
    if address.startswith('"') or "[" in address:
        return address.strip()
    return re.sub(r"\s", "", address)


def check_postfix(report):
    """addr-postfix: what Postfix writes in its external form says the same
    as what it read."""
    name = "addr-postfix"
    report.begin(name)
    lines = [row for row in rows(name) if row["case"] == "tok822"]
    mails = {}
    for row in lines:
        mails[row["key"], "line"] = mail("To", row["input"]["line"])
        mails[row["key"], "external"] = mail("To", row["expect"]["external"])
    found = ingest_bytes(mails)
    for row in lines:
        same_mailboxes(report, (name, row["key"]), "to",
                       found[row["key"], "line"].get("to"),
                       found[row["key"], "external"].get("to"))


def check_sisimai(report):
    """addr-sisimai: its name is the text where there is no name."""
    name = "addr-sisimai"
    report.begin(name)
    for row, message in messages(
            name, lambda row: ("To", row["input"]["text"])):
        expect = row["expect"]
        theirs = {"address": expect["address"], "name": expect["name"]}
        if "<" not in row["input"]["text"]:
            theirs["name"] = expect["comment"].strip("()")
        same_mailboxes(report, (name, row["key"]), "to", message.get("to"),
                       [theirs])


def check_emailaddress(report):
    """addr-emailaddress: phrases are given with their quotes."""
    name = "addr-emailaddress"
    report.begin(name)
    for row, message in messages(
            name, lambda row: ("To", row["input"]["value"])):
        theirs = [{"name": unquoted(item["phrase"]),
                   "address": item["address"]} for item in row["expect"]]
        same_mailboxes(report, (name, row["key"]), "to", message.get("to"),
                       theirs)


def unquoted(phrase):
    """Without quotes and backslashes."""
    if phrase is None or not phrase.startswith('"'):
        return phrase
    return re.sub(r"\\(.)", r"\1", phrase[1:-1])


def check(report):
    """All sets of field values."""
    check_stalwart(report)
    check_japanese(report)
    check_isemail(report)
    check_postfix(report)
    check_sisimai(report)
    check_emailaddress(report)

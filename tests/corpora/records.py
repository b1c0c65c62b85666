"""json-nst: JSON texts as members of records, one a line, through the record
reader.

A text is put into an object that is a record: {"id":…,"tenant":…,"x":TEXT}.  A
line end at its end is dropped; a text with another one in it is no line, so it
is left out.  Everything goes through one process: what is refused must not
take its neighbours with it.
"""

import json
import subprocess

from corpora import LIMIT_S, ROOT, refuse_constant, rows


def lines():
    """{id: (row, line)}."""
    result = {}
    for number, row in enumerate(rows("json-nst")):
        text = (ROOT / "json-nst" / row["file"]).read_bytes()
        if text.endswith(b"\n"):
            text = text[:-1]
        if b"\n" not in text:
            name = "n%d" % number
            result[name] = (row, b'{"id":"%s","tenant":"t1","x":%s}' % (
                name.encode(), text))
    return result


def check(report):
    """Accepted or refused as expected, and what comes out is JSON."""
    name = "json-nst"
    report.begin(name)
    wanted = lines()
    data = b"".join(line + b"\n" for _, line in wanted.values())
    run = subprocess.run(["mail-store", "put"], input=data,
                         timeout=LIMIT_S, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False)
    report.same(name, "all", "status", run.returncode, 65)
    accepted = {json.loads(line, parse_constant=refuse_constant)["id"]
                for line in run.stdout.decode("utf-8").split("\n")[:-1]}
    for key, (row, _) in wanted.items():
        parse = row["expect"]["parse"]
        if parse != "either":
            report.same(name, row["file"], "parse", key in accepted,
                        parse == "accept")

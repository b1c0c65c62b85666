#!/usr/bin/python3
"""Messages with odd lines, odd0000 and so on, and in "wants" a line of JSON for
each: recipient, digest as it has to arrive, no line end of another kind."""
import hashlib
import itertools
import json
import random
import re

random.seed(1)
pieces = [b"\r", b"\n", b".", b"a", b"\r\n.\r\nMAIL FROM:<x@y>\r\n"]
bodies = [b"".join(some) for n in range(5)
          for some in itertools.product(pieces, repeat=n)]
for i in range(60):  # where the windows of large ones end
    tail = b"".join(random.choices(pieces, k=30))
    for window in 16384, 131072:
        bodies.append(b"a" * (window - i - 1) + tail + b"b" * 131072 * 2 + tail)

with open("wants", "w", encoding="ascii") as wants:
    for i, body in enumerate(bodies):
        with open("odd%04d" % i, "wb") as f:
            f.write(body)
        body = re.sub(rb"\r\n|\r|\n", b"\r\n", body)
        if body and not body.endswith(b"\r\n"):
            body += b"\r\n"
        digest = "b2:" + hashlib.blake2b(body, digest_size=32).hexdigest()
        json.dump(["r%d@example.jp" % (i + 1), digest, 0], wants,
                  separators=(",", ":"))
        wants.write("\n")

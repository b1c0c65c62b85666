#!/usr/bin/python3
"""aio.py PORT-FILE LOG: aiosmtpd on a free port; of each mail it takes a line of
JSON with recipients and the digest of its bytes."""
import asyncio
import hashlib
import json
import os
import sys

from aiosmtpd.smtp import SMTP


class Handler:
    async def handle_DATA(self, server, session, envelope):
        digest = hashlib.blake2b(envelope.original_content, digest_size=32)
        with open(sys.argv[2], "a", encoding="ascii") as log:
            json.dump({"to": envelope.rcpt_tos,
                       "digest": "b2:" + digest.hexdigest()}, log)
            log.write("\n")
        return "250 2.0.0 taken"


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Handler(), hostname="mx.example.test", loop=loop),
        "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with open(sys.argv[1] + ".new", "w", encoding="ascii") as f:
        f.write("%d\n" % port)
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    await asyncio.sleep(600)


asyncio.run(main())

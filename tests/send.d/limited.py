#!/usr/bin/python3
"""limited.py PER_S PER_DAY DIR: an SMTP server with limits, for tests.

It listens on a free port of 127.0.0.1, writes the number to DIR/port, and a line
of JSON for each event to DIR/log: {"event":"mail","at":SECONDS,"to":…}, whose
"at" is that of its RCPT, and "refused" where somebody sends faster.  It counts recipients in the second, and
in the 24 hours, before each RCPT by the moment at which it reads it, and refuses
what is too much as Amazon SES does.  PER_S 0: no such limit.

"held" is an event, too: for so many "ms" the machine had no time for this
program, and what was sent then seems to come at once.

DIR/limit, when it is there, has another PER_S from now on.  It ends with a
signal, or after half an hour.
"""
import asyncio
import collections
import json
import os
import re
import sys
import time

TOO_FAST = b"454 4.7.0 Throttling failure: Maximum sending rate exceeded.\r\n"
TOO_MANY = b"454 4.7.0 Throttling failure: Daily message quota exceeded.\r\n"


class Server:
    def __init__(self, per_s, per_day, directory):
        self.per_s, self.per_day = per_s, per_day
        self.directory = directory
        self.log = open(os.path.join(directory, "log"), "a", encoding="utf-8")
        self.recent = collections.deque()
        self.today = 0

    def event(self, event, to=None, at=None):
        line = {"event": event, "at": round(at or time.monotonic(), 4),
                "to": to}
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()

    async def watch(self):
        """Does the machine keep us waiting?"""
        while True:
            was = time.monotonic()
            await asyncio.sleep(0.005)
            ms = round((time.monotonic() - was) * 1000) - 5
            if ms >= 15:
                self.event("held", ms)

    def changed_limit(self):
        try:
            with open(os.path.join(self.directory, "limit"),
                      encoding="ascii") as f:
                self.per_s = float(f.read())
            os.unlink(os.path.join(self.directory, "limit"))
        except FileNotFoundError:
            pass

    def admit(self, to):
        """What is said to RCPT."""
        now = time.monotonic()
        while self.recent and now - self.recent[0] >= 1:
            self.recent.popleft()
        if self.per_s and len(self.recent) >= self.per_s:
            self.event("refused", to)
            return TOO_FAST
        if self.today >= self.per_day:
            self.event("refused", to)
            return TOO_MANY
        self.recent.append(now)
        self.today += 1
        return b"250 2.1.5 ok\r\n"

    async def talk(self, reader, writer):
        self.event("connect")
        writer.write(b"220 mx.example.test\r\n")
        recipients = []
        try:
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"EHLO":
                    writer.write(b"250-mx.example.test\r\n250-PIPELINING\r\n"
                                 b"250 8BITMIME\r\n")
                elif verb == b"RCPT":
                    self.changed_limit()
                    to = re.search(b"<(.*?)>", line).group(1).decode()
                    answer = self.admit(to)
                    if answer[:1] == b"2":
                        recipients.append((to, time.monotonic()))
                    writer.write(answer)
                elif verb == b"DATA" and recipients:
                    writer.write(b"354 go on\r\n")
                    await writer.drain()
                    while await reader.readline() != b".\r\n":
                        pass
                    for to, at in recipients:
                        self.event("mail", to, at)
                    recipients = []
                    writer.write(b"250 2.0.0 ok\r\n")
                elif verb == b"DATA":
                    writer.write(b"554 5.5.1 no valid recipients\r\n")
                elif verb == b"QUIT":
                    writer.write(b"221 2.0.0 bye\r\n")
                    break
                else:
                    writer.write(b"250 2.0.0 ok\r\n")
                await writer.drain()
        except OSError:
            pass
        writer.close()


async def main():
    server = Server(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    listener = await asyncio.start_server(server.talk, "127.0.0.1", 0,
                                          backlog=1024)
    watch = asyncio.create_task(server.watch())
    name = os.path.join(sys.argv[3], "port")
    with open(name + ".new", "w", encoding="ascii") as f:
        f.write("%d\n" % listener.sockets[0].getsockname()[1])
    os.rename(name + ".new", name)
    await asyncio.wait([watch], timeout=1800)


asyncio.run(main())

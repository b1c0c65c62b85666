#!/usr/bin/python3
"""A scripted SMTP and LMTP server, for tests.

usage: server.py [OPTION]... DIR

It listens on a free port of --host (or --unix PATH), writes the number to
DIR/port, and a line of JSON for each event to DIR/log.  It ends with a signal, or
after ten minutes, so that it never outlives its test for long.

  --script FILE   rules, see below
  --ext LIST      what EHLO offers (default: PIPELINING,8BITMIME,SMTPUTF8,DSN,
                  SIZE 50000000)
  --clear LIST    the same as long as there is no TLS (default: as --ext)
  --lmtp          LHLO, and a reply for each recipient
  --cert FILE     certificate and key: STARTTLS is offered; with --implicit TLS
                  comes first
  --auth LIST     mechanisms (PLAIN,LOGIN,XOAUTH2); --user, --password: whose
  --delay S       before every reply
  --keep          each mail's bytes in DIR/CONNECTION.MAIL
  --quiet         no "command" events

The script is a list of rules; for each thing that is to be answered the first
one that fits is used, and otherwise all is well:

  {"stage": "rcpt",        greeting ehlo starttls tls auth mail rcpt data body
                           end rset quit idle
   "connection": 1, "mail": 2, "match": "REGEX"   which ones: connections and
                           the mails of each count from 1, the expression is
                           looked for in the command (end: in the recipients)
   "times": 3, "chance": 0.1                      how often, how likely
   "delay": 0.2,           seconds before it
   "reply": "550 5.1.1 nobody",   instead of what would be said; more lines
                           are joined by \\n
   "repeat": 1000,         so often, the last line of it not
   "do": "close"           after the reply, which is none unless it is given:
                           close, reset (RST), stall (read, and say no more),
                           freeze (nor read); half: half of the reply, close
   "after": 5000,          body: when so many bytes have come
   "accept": true}         end: the mail counts as taken, whatever is said

Events: {"event":"mail","connection":1,"mail":1,"from":…,"to":[…],"digest":
"b2:…" (of what b2sum -l 256 sees once dots are single), "size":…,"bare":0 (CR or
LF alone), "accepted":true, "code":250, "tls":false, "user":null}; "connect",
"command" (with "line"), "close" (with "reason"), "cut" (in the middle of a mail,
with "size").
"""
import argparse
import asyncio
import base64
import hashlib
import json
import os
import random
import re
import signal
import socket
import ssl
import struct


class Over(Exception):
    """The connection ends."""


class Server:
    def __init__(self, args):
        self.args = args
        self.rules = []
        if args.script:
            with open(args.script, encoding="utf-8") as f:
                self.rules = json.load(f)
        self.log = open(os.path.join(args.dir, "log"), "a", encoding="utf-8")
        self.connections = 0
        self.tls = None
        if args.cert:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(args.cert)

    def event(self, event, connection, **more):
        line = {"event": event, "connection": connection, **more}
        self.log.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.log.flush()

    def rule(self, stage, connection, mail, subject):
        for rule in self.rules:
            if (rule["stage"] == stage
                    and rule.get("connection", connection) == connection
                    and rule.get("mail", mail) == mail
                    and re.search(rule.get("match", ""), subject)
                    and rule.get("times", 1) > 0
                    and random.random() < rule.get("chance", 1)):
                if "times" in rule:
                    rule["times"] -= 1
                return rule
        return {}

    async def connected(self, reader, writer):
        self.connections += 1
        talk = Talk(self, self.connections, reader, writer)
        reason = "quit"
        try:
            await talk.run()
        except (Over, OSError, ssl.SSLError, asyncio.TimeoutError) as e:
            reason = str(e) or type(e).__name__
        except Exception as e:  # a bug of ours is to be seen
            reason = "BUG %r" % e
        self.event("close", talk.number, reason=reason)
        try:
            writer.close()
        except OSError:
            pass


class Talk:
    """One connection."""

    def __init__(self, server, number, reader, writer):
        self.server, self.number = server, number
        self.args = server.args
        self.reader, self.writer = reader, writer
        self.buffer = b""
        self.is_tls = server.args.implicit
        self.user = None
        self.mail = 1
        self.sender, self.recipients = None, []

    async def more(self):
        data = await self.reader.read(262144)
        if not data:
            raise Over("the client has gone")
        self.buffer += data

    async def line(self):
        while b"\n" not in self.buffer:
            await self.more()
        line, self.buffer = self.buffer.split(b"\n", 1)
        line = line.rstrip(b"\r").decode("utf-8", "backslashreplace")
        if not self.args.quiet:
            self.server.event("command", self.number, line=line)
        return line

    async def put(self, data):
        self.writer.write(data)
        await self.writer.drain()

    def reset(self):
        """RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        raise Over("reset")

    async def act(self, rule, text):
        """Say it, or what the rule has; its code."""
        if rule.get("delay", self.args.delay):
            await asyncio.sleep(rule.get("delay", self.args.delay))
        do = rule.get("do")
        text = rule.get("reply", text if do in (None, "half") else None)
        if text is not None:
            *first, last = text.split("\n")
            first = "".join(line + "\r\n" for line in first)
            data = (first * rule.get("repeat", 1) + last).encode(
                "utf-8", "surrogateescape")
            if do == "half":
                await self.put(data[:(len(data) + 1) // 2])
                raise Over("half")
            await self.put(data + b"\r\n")
        if do == "stall":
            while True:
                await self.more()
                self.buffer = b""
        if do == "freeze":
            await asyncio.sleep(600)
        if do == "reset":
            self.reset()
        if do:
            raise Over(do)
        return int(text[:3]) if text[:3].isdigit() else 0

    async def answer(self, stage, subject, text):
        rule = self.server.rule(stage, self.number, self.mail, subject)
        return await self.act(rule, text)

    async def run(self):
        self.server.event("connect", self.number)
        await self.answer("greeting", "", "220 mx.example.test ready")
        while True:
            if self.sender is None and not self.buffer:
                await self.idle()
            line = await self.line()
            verb = line.split(" ")[0].split(":")[0].upper()
            handler = getattr(self, "do_" + verb.lower(), None)
            if handler is None:
                await self.put(b"500 5.5.1 what?\r\n")
            elif await handler(line):
                return

    async def idle(self):
        rule = self.server.rule("idle", self.number, self.mail, "")
        if rule:
            await self.act(rule, "421 4.3.2 going away")

    async def do_ehlo(self, line):
        ext = self.args.ext
        if self.args.clear is not None and not self.is_tls:
            ext = self.args.clear
        offers = [x for x in ext.split(",") if x]
        if self.server.tls and not self.is_tls:
            offers.append("STARTTLS")
        if self.args.auth:
            offers.append("AUTH " + self.args.auth.replace(",", " "))
        lines = ["mx.example.test"] + offers
        await self.answer("ehlo", line, "\n".join(
            "250%s%s" % (" " if i == len(lines) - 1 else "-", x)
            for i, x in enumerate(lines)))

    do_lhlo = do_ehlo

    async def do_helo(self, line):
        await self.answer("ehlo", line, "250 mx.example.test")

    async def do_starttls(self, line):
        if await self.answer("starttls", line, "220 2.0.0 go on") != 220:
            return
        self.buffer = b""  # what came in clear does not count
        rule = self.server.rule("tls", self.number, self.mail, line)
        if rule:
            await self.act(rule, None)
        await self.writer.start_tls(self.server.tls)
        self.is_tls = True

    async def challenge(self, text):
        await self.put(b"334 " + base64.b64encode(text.encode()) + b"\r\n")
        return base64.b64decode(await self.line()).decode()

    async def do_auth(self, line):
        words = line.split(" ")
        mechanism = words[1].upper()
        first = None
        if len(words) > 2:
            first = base64.b64decode(words[2]).decode()
        if mechanism == "LOGIN":
            user = await self.challenge("Username:") if first is None else first
            password = await self.challenge("Password:")
        elif mechanism == "XOAUTH2":
            text = await self.challenge("") if first is None else first
            found = re.fullmatch(
                "user=(.*)\1auth=Bearer (.*)\1\1", text)
            user, password = found.groups()
        else:
            text = await self.challenge("") if first is None else first
            _, user, password = text.split("\0")
        is_right = (user, password) == (self.args.user, self.args.password)
        code = await self.answer(
            "auth", mechanism, "235 2.7.0 welcome" if is_right
            else "535 5.7.8 bad credentials")
        if code == 235:
            self.user = user

    async def do_mail(self, line):
        text = "250 2.1.0 sender ok"
        if self.args.auth and self.user is None:
            text = "530 5.7.0 authenticate first"
        if self.sender is not None:
            text = "503 5.5.1 there is a sender already"
        if await self.answer("mail", line, text) // 100 == 2:
            self.sender = re.search("<(.*?)>", line).group(1)
            self.recipients = []

    async def do_rcpt(self, line):
        text = "250 2.1.5 recipient ok"
        if self.sender is None:
            text = "503 5.5.1 MAIL first"
        if await self.answer("rcpt", line, text) // 100 == 2:
            self.recipients.append(re.search("<(.*?)>", line).group(1))

    async def do_rset(self, line):
        if await self.answer("rset", line, "250 2.0.0 forgotten") == 250:
            self.sender, self.recipients = None, []

    async def do_noop(self, line):
        await self.put(b"250 2.0.0 fine\r\n")

    async def do_quit(self, line):
        await self.answer("quit", line, "221 2.0.0 bye")
        return True

    async def do_data(self, line):
        text = "354 go on"
        if not self.recipients:
            text = "554 5.5.1 no valid recipients"
        if await self.answer("data", line, text) == 354:
            await self.message()

    async def message(self):
        subject = " ".join(self.recipients)
        rule = self.server.rule("body", self.number, self.mail, subject)
        had = 0
        data = bytearray(b"\r\n")  # so that a dot at once is the end
        while True:
            data += self.buffer
            self.buffer = b""
            if rule and len(data) - 2 >= rule.get("after", 0):
                self.server.event("cut", self.number, size=len(data) - 2)
                await self.act(rule, "451 4.3.0 enough")
                rule = {}
            at = data.find(b"\r\n.\r\n", max(0, had - 4))
            if at != -1:
                break
            had = len(data)
            await self.more()
        self.buffer = bytes(data[at + 5:])
        await self.message_end(bytes(data[2:at + 2]), subject)

    async def message_end(self, data, subject):
        data = re.sub(rb"(\A|(?<=\r\n))\.", b"", data)
        rule = self.server.rule("end", self.number, self.mail, subject)
        code = rule.get("reply", "" if rule.get("do") else "250")[:3]
        number, self.mail = self.mail, self.mail + 1
        self.server.event(
            "mail", self.number, mail=number, **{"from": self.sender},
            to=self.recipients, size=len(data),
            digest="b2:" + hashlib.blake2b(data, digest_size=32).hexdigest(),
            bare=len(re.findall(rb"\r(?!\n)|(?<!\r)\n", data)),
            accepted=bool(self.recipients) and rule.get("accept", code[:1] == "2"),
            code=int(code) if code.isdigit() else 0,
            tls=self.is_tls, user=self.user)
        if self.args.keep:
            name = "%d.%d" % (self.number, number)
            with open(os.path.join(self.args.dir, name), "wb") as f:
                f.write(data)
        self.sender, recipients = None, self.recipients
        self.recipients = []
        text = "250 2.0.0 queued as %d.%d" % (self.number, number)
        if not recipients:
            text = "554 5.5.1 for nobody"
        for _ in recipients[1:] if self.args.lmtp else []:
            await self.put(text.encode() + b"\r\n")
        await self.act(rule, text)


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("dir")
    p.add_argument("--script")
    p.add_argument("--unix")
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--ext",
                   default="PIPELINING,8BITMIME,SMTPUTF8,DSN,SIZE 50000000")
    p.add_argument("--clear")
    p.add_argument("--cert")
    p.add_argument("--auth", default="")
    p.add_argument("--user", default="user")
    p.add_argument("--password", default="secret")
    p.add_argument("--delay", type=float, default=0)
    for flag in "lmtp", "implicit", "keep", "quiet":
        p.add_argument("--" + flag, action="store_true")
    return p.parse_args()


async def main():
    args = arguments()
    server = Server(args)
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for sig in signal.SIGTERM, signal.SIGINT:
        loop.add_signal_handler(sig, over.set)
    loop.call_later(600, over.set)
    tls = server.tls if args.implicit else None
    if args.unix:
        await asyncio.start_unix_server(server.connected, args.unix, ssl=tls)
        port = 0
    else:
        listener = await asyncio.start_server(
            server.connected, args.host, 0, ssl=tls, backlog=1024)
        port = listener.sockets[0].getsockname()[1]
    name = os.path.join(args.dir, "port")
    with open(name + ".new", "w", encoding="ascii") as f:
        f.write("%d\n" % port)
    os.rename(name + ".new", name)
    await over.wait()
    os._exit(0)


asyncio.run(main())

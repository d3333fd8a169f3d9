"""A listener of a small protocol that keeps the contract, for tests that break it in one place.

A line is a command; an answer begins with "+" (yes), "~" (later) or "-" (no). DATA names the number
of octets that follow it.
"""

from __future__ import annotations

from contextlib import asynccontextmanager

import trio
from thurn.contracts.gate import Ask, Granted
from thurn.plugin import Accept, Address, Blob, Recipient, Transaction
from thurn.types.content import SPILL_OCTETS
from thurn.types.status import MESSAGE_TOO_BIG, OK, Status

LINE_OCTETS = 1000
MARKS = {2: b"+", 3: b"+", 4: b"~", 5: b"-"}
ANSWERS = {b"+": "success", b"~": "temporary", b"-": "permanent"}


class Left(Exception):
    """The peer has ended its side."""


class Conversation:
    def __init__(self, listener, connection, session):
        self.flow, self.gate = listener.context.mailflow, listener.context.gate
        self.listener, self.connection, self.session = listener, connection, session
        self.buffer = b""
        self.transaction = self.login = None

    async def answer(self, status):
        await self.connection.send(MARKS[status.code // 100] + str(status).encode() + b"\r\n")

    async def receive(self):
        self.connection.extend(300)
        octets = await self.connection.receive()
        if not octets:
            raise Left
        self.buffer += octets

    async def line(self):
        while b"\n" not in self.buffer:
            if len(self.buffer) > LINE_OCTETS:
                await self.answer(Status(421, "4.5.2", "too long"))
                raise Left
            await self.receive()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.strip()

    async def converse(self):
        answer = await self.flow.connect(self.session)
        if not isinstance(answer, Accept):
            await self.answer(answer.status)
            return
        await self.answer(OK)
        try:
            while True:
                verb, _, rest = (await self.line()).partition(b" ")
                if self.connection.closing:
                    await self.connection.send(self.listener.farewell("closing"))
                    return
                do = getattr(self, f"do_{verb.decode('ascii', 'replace').lower()}", self.unknown)
                if await do(rest) == "bye":
                    return
        except Left:
            return
        finally:
            self.end()

    def end(self):
        if self.login is not None:
            self.login.cancel()
        if self.transaction is not None:
            self.flow.abandon(self.transaction)

    async def unknown(self, rest):
        await self.answer(Status(500, "5.5.1", "unknown"))

    async def do_nop(self, rest):
        await self.answer(OK)

    async def do_bye(self, rest):
        await self.answer(OK)
        return "bye"

    async def do_tls(self, rest):
        if not self.connection.can_start_tls:
            await self.unknown(rest)
            return
        await self.answer(OK)
        self.buffer = b""
        await self.connection.start_tls()

    async def do_login(self, rest):
        self.login, heard = await self.gate.begin(self.session, "PLAIN", None)
        while isinstance(heard, Ask):
            await self.answer(Status(334, "3.0.0", "go on"))
            heard = await self.login.respond(await self.line())
        self.login = None
        await self.answer(OK if isinstance(heard, Granted) else heard.status)

    async def do_hi(self, rest):
        return await self.say(await self.flow.hello(self.session, rest.decode("latin-1")))

    async def do_mail(self, rest):
        sender = Address.parse(rest.decode("latin-1")) if rest else None
        answer = await self.flow.sender(self.session, sender, {})
        if isinstance(answer, Transaction):
            self.transaction, answer = answer, Accept()
        return await self.say(answer)

    async def do_to(self, rest):
        if self.transaction is None:
            return await self.unknown(rest)
        to = Recipient(Address.parse(rest.decode("latin-1")))
        return await self.say(await self.flow.recipient(self.transaction, to))

    async def say(self, answer):
        await self.answer(OK if isinstance(answer, Accept) else answer.status)
        return "bye" if getattr(getattr(answer, "status", None), "code", 0) == 421 else ""

    async def do_data(self, rest):
        transaction, size_octets = self.transaction, int(rest) if rest.isdigit() else 0
        if transaction is None or not transaction.recipients:
            return await self.unknown(rest)
        await self.answer(Status(354, "3.0.0", "go on"))
        blob = await self.content(size_octets)
        if blob is None:
            self.transaction = None
            self.flow.refuse(transaction, MESSAGE_TOO_BIG, "content.size")
            await self.answer(MESSAGE_TOO_BIG)
            return None
        outcome = await self.flow.message(transaction, blob, replies="each")
        self.transaction = None
        if blob.path is not None:
            blob.path.unlink()
        await self.tell(outcome)
        return "bye" if outcome.disconnect else ""

    async def tell(self, outcome):
        for status in outcome.statuses:
            await self.answer(status)

    async def content(self, size_octets):
        """The content; None: it is too large."""
        is_large = size_octets > self.flow.size_limit_octets
        if size_octets <= SPILL_OCTETS:
            while len(self.buffer) < size_octets:
                await self.receive()
            content, self.buffer = self.buffer[:size_octets], self.buffer[size_octets:]
            return Blob(content)
        path = self.listener.context.data / "spooled"
        left = size_octets
        try:
            with path.open("wb") as file:
                while left:
                    if not self.buffer:
                        await self.receive()
                    piece, self.buffer = self.buffer[:left], self.buffer[left:]
                    left -= len(piece)
                    file.write(b"" if is_large else piece)
        finally:
            if left or is_large:
                path.unlink()
        return None if is_large else Blob(path=path)


class SmallListener:
    protocol = "small"
    conversation = Conversation

    def __init__(self, context):
        self.context = context

    async def serve(self, connection, session):
        await self.conversation(self, connection, session).converse()

    def farewell(self, reason):
        return b"~" + reason.encode() + b"\r\n"


class Script:
    chatter, start_tls, hello, replies = b"NOP\r\n", b"TLS\r\n", "client.example", "each"

    def judge(self, octets):
        return self.all_answers(octets)[-1]

    @staticmethod
    def all_answers(octets):
        lines = octets.split(b"\r\n")[:-1]
        return [ANSWERS[line[:1]] for line in lines] or ["nothing"]

    async def greet(self, client):
        answer = self.judge(await client.say())
        if answer != "success":
            return answer
        return self.judge(await client.say(b"HI client.example\r\n"))

    async def work(self, client):
        for line in (b"LOGIN", b"\0alice\0secret", b"MAIL a@example.net", b"TO b@example.org"):
            await client.say(line + b"\r\n")
        await client.say(b"BYE\r\n")

    async def submit(self, client, mail):
        answer = self.judge(await client.say(b"MAIL %s\r\n" % mail.sender.encode()))
        if answer != "success":
            return [answer] * len(mail.recipients)
        answers = [
            self.judge(await client.say(b"TO %s\r\n" % one.encode())) for one in mail.recipients
        ]
        accepted = [place for place, answer in enumerate(answers) if answer == "success"]
        if accepted:
            octets = await client.say(b"DATA %d\r\n" % len(mail.content))
            last = self.all_answers(octets + await client.say(mail.content))[1:] or ["nothing"]
            last = last if len(last) == len(accepted) else last[:1] * len(accepted)
            for place, answer in zip(accepted, last, strict=True):
                answers[place] = answer
        return answers


def opened(conversation=Conversation, **attributes):
    """Opens the listener with another conversation, or with other attributes."""
    kind = type("Broken", (SmallListener,), {"conversation": conversation, **attributes})

    @asynccontextmanager
    async def one(context):
        await trio.lowlevel.checkpoint()
        yield kind(context)

    return one

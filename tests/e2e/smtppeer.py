"""A peer that speaks SMTP line by line, for tests that care about each answer."""

from __future__ import annotations

from contextlib import asynccontextmanager

import trio
import trio.testing


class Peer:
    """Speaks to a listener, line by line."""

    def __init__(self, stream):
        self.stream, self.rest = stream, b""

    async def reply(self):
        """(code, text) of a whole reply; (0, "") when the connection has ended."""
        while True:
            line, found, rest = self.rest.partition(b"\r\n")
            if found:
                self.rest = rest
                if line[3:4] != b"-":
                    return int(line[:3]), line[4:].decode()
                continue
            octets = await self.stream.receive_some(4096)
            if not octets:
                return 0, ""
            self.rest += octets

    async def say(self, line):
        await self.stream.send_all(line.encode() + b"\r\n")
        return (await self.reply())[0]

    async def send(self, word, whom, hello="c.example"):
        """A message; the first code that is not a success, or that of its end."""
        size = 3000 if word == "bad" else 10
        steps = (
            f"EHLO {word if hello is None else hello}",
            f"MAIL FROM:<{word}@example.net>",
            f"RCPT TO:<{whom}>",
        )
        for step in steps:
            code = await self.say(step)
            if code != 250:
                return code
        assert await self.say("DATA") == 354
        return await self.say(f"Subject: {word}\r\n\r\n{'x' * size}\r\n.")


@asynccontextmanager
async def connected(server):
    """A peer that has been greeted."""
    async with await trio.open_tcp_stream("127.0.0.1", server.port("mx")) as stream:
        peer = Peer(stream)
        assert (await peer.reply())[0] == 220
        yield peer

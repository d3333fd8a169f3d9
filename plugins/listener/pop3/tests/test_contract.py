"""The listener keeps the contract of its role: the kit speaks POP3 by this script."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from thurn_listener_pop3.factory import pop3
from thurn_listener_pop3.settings import Pop3Settings
from thurn_state_memory.factory import memory as state_memory
from thurn_store_memory.factory import MemorySettings
from thurn_store_memory.factory import memory as store_memory
from thurn_testing.contracts.listener import check_listener
from thurn_testing.contracts.plainlog import PlainLog
from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.gate import NAME, PASSWORD

TEMPORARY = (b"[SYS/TEMP]", b"[IN-USE]", b"[LOGIN-DELAY]")


class Script:
    """A client of POP3."""

    chatter, start_tls = b"CAPA\r\n", b"STLS\r\n"

    @staticmethod
    def judge(octets):
        """The last status line. RFC 1939 §3, RFC 2449 §8."""
        lines = [line for line in octets.split(b"\r\n") if line[:1] in (b"+", b"-")]
        if not lines:
            return "nothing"
        if lines[-1].startswith(b"+"):
            return "success"
        return "temporary" if any(code in lines[-1] for code in TEMPORARY) else "permanent"

    async def greet(self, client):
        return self.judge(await client.say())

    async def work(self, client):
        for command in ("AUTH PLAIN", "*", f"USER {NAME}", f"PASS {PASSWORD}", "LIST", "RETR 1"):
            await client.say(f"{command}\r\n".encode())
        await client.say(b"QUIT\r\n")


def opened(concurrent):
    settings = Pop3Settings(bind=("unix:/run/x",), sasl=("plain",), concurrent=concurrent)

    @asynccontextmanager
    async def one(context):
        plain = FakeContext(context.data / "state")
        async with state_memory.open(state_memory.settings(), plain) as state:
            given = Given(state=state, commit_log=PlainLog())
            behind = FakeContext(context.data / "store", given=given)
            async with store_memory.open(MemorySettings(), behind) as store:
                context.give(store=store, state=state)
                async with pop3.open(settings, context) as listener:
                    yield listener

    return one


@pytest.mark.parametrize("concurrent", ["snapshot", "lock"])
def test_it_keeps_the_promises_of_every_listener(concurrent, tmp_path):
    check_listener(opened(concurrent), Script(), tmp_path)

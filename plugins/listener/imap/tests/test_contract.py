"""The listener keeps the contract of its role: the kit speaks IMAP by this script."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager

import pytest
from thurn_listener_imap.extensions.bundled import BUNDLED
from thurn_listener_imap.factory import open_listener
from thurn_listener_imap.settings import ImapSettings
from thurn_state_memory.factory import memory as state_memory
from thurn_store_memory.factory import MemorySettings
from thurn_store_memory.factory import memory as store_memory
from thurn_testing.contracts.listener import check_listener
from thurn_testing.contracts.plainlog import PlainLog
from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.gate import NAME, PASSWORD

ANSWERS = {b"OK": "success", b"NO": "permanent", b"BAD": "permanent", b"BYE": "temporary"}
STATUS = re.compile(rb"^(?:(?:\w+|\*) (OK|NO|BAD)|\* (BYE)) [^\r\n]*\r\n", re.MULTILINE)


class Script:
    """A client of IMAP."""

    chatter, start_tls = b"a NOOP\r\n", b"a STARTTLS\r\n"

    @staticmethod
    def judge(octets):
        """The last status response. RFC 9051 §7.1."""
        words = [first or second for first, second in STATUS.findall(octets)]
        return ANSWERS[words[-1]] if words else "nothing"

    async def greet(self, client):
        return self.judge(await client.say())

    async def work(self, client):
        for command in (
            "a AUTHENTICATE PLAIN",
            "*",
            f"b LOGIN {NAME} {PASSWORD}",
            "c SELECT INBOX",
            "d APPEND INBOX {10}",
            "0123456789",
            "e FETCH 1 BODY[]",
            "f IDLE",
            "DONE",
        ):
            await client.say(f"{command}\r\n".encode())
        octets = await client.say(b"g LOGOUT\r\n")
        assert b"g OK" in octets or client.closed


@asynccontextmanager
async def opened(context):
    settings = ImapSettings(bind=("unix:/run/x",), sasl=("plain",))
    plain = FakeContext(context.data / "state")
    async with state_memory.open(state_memory.settings(), plain) as state:
        given = Given(state=state, commit_log=PlainLog())
        behind = FakeContext(context.data / "store", given=given)
        async with store_memory.open(MemorySettings(), behind) as store:
            context.give(store=store, state=state)
            async with open_listener(settings, context, BUNDLED) as listener:
                yield listener


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_listener(tmp_path):
    check_listener(opened, Script(), tmp_path)

"""The kits of listeners: one that keeps the contracts passes, and each broken one is found."""

from __future__ import annotations

import importlib.util
import re
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from thurn.plugin import Accept, Blob, Tempfail
from thurn.types.status import OK
from thurn_testing.contracts import listener_client
from thurn_testing.contracts.listener import (
    check_listener,
    run_checks,
    unread_answers_are_bounded,
)
from thurn_testing.contracts.listener_receiving import check_receiving_listener

_SPEC = importlib.util.spec_from_file_location(
    "small_listener", Path(__file__).with_name("small_listener.py")
)
small = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(small)
Conversation = small.Conversation


def test_a_listener_that_keeps_the_contracts_passes(tmp_path):
    check_listener(small.opened(), small.Script(), tmp_path / "any")
    check_receiving_listener(small.opened(), small.Script(), tmp_path / "receiving")


class NoNop(Conversation):
    do_nop = Conversation.unknown


class NeverEnds(Conversation):
    async def do_bye(self, rest):
        await self.answer(OK)


class TlsWithoutCertificate(Conversation):
    async def do_tls(self, rest):
        await self.answer(OK)


class KeepsTheBuffer(Conversation):
    async def do_tls(self, rest):
        buffer = self.buffer
        if self.connection.can_start_tls:
            await self.answer(OK)
            await self.connection.start_tls()
            self.buffer = buffer
        else:
            await self.unknown(rest)


class IsNotClosing(Conversation):
    async def converse(self):
        self.connection = NeverClosing(self.connection)
        await super().converse()


class NeverClosing:
    closing = False

    def __init__(self, connection):
        self._connection = connection

    def __getattr__(self, name):
        return getattr(self._connection, name)


class HasPatience(Conversation):
    async def receive(self):
        self.connection.extend(86_400)
        octets = await self.connection.receive()
        if not octets:
            raise small.Left
        self.buffer += octets


class LongLines(Conversation):
    async def line(self):
        while b"\n" not in self.buffer:
            await self.receive()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.strip()


class ReadsOn(Conversation):
    """Takes whatever comes, also while its answers are not read."""

    over = False

    async def converse(self):
        self.more = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.read_on)
            await super().converse()
            nursery.cancel_scope.cancel()

    async def read_on(self):
        while octets := await self.connection.receive():
            self.buffer += octets
            self.more.set()
        self.over = True
        self.more.set()

    async def receive(self):
        if self.over:
            raise small.Left
        self.more = trio.Event()
        await self.more.wait()


def test_a_listener_that_reads_on_is_found(tmp_path):
    checks = [unread_answers_are_bounded]
    with pytest.raises(AssertionError, match="answers that nobody reads"):
        run_checks("listener", checks, small.opened(ReadsOn), small.Script(), tmp_path)


class Raises(Conversation):
    async def line(self):
        line = await super().line()
        line.decode("ascii")
        return line


class LeavesTheExchange(Conversation):
    def end(self):
        if self.transaction is not None:
            self.flow.abandon(self.transaction)


class LeavesTheTransaction(Conversation):
    def end(self):
        if self.login is not None:
            self.login.cancel()


class Hangs(Conversation):
    async def do_nop(self, rest):
        with trio.move_on_after(100):
            await trio.sleep_forever()


ANY = [
    (NoNop, "a command is answered", "greets"),
    (NeverEnds, "hangs|returns", "works"),
    (TlsWithoutCertificate, "TLS is refused without", "no_tls_without_a_certificate"),
    (KeepsTheBuffer, "not answered under it", "octets_before_tls_are_discarded"),
    (IsNotClosing, "hangs", "a_closing_worker_says_goodbye"),
    (HasPatience, "a silent peer's connection ends", "silent_peers_end"),
    (LongLines, "costs no memory", "long_lines_are_bounded"),
    (Raises, "no failure of the listener: Unicode", "octets_at_random_end_in_no_error"),
    (LeavesTheExchange, "an exchange under way is cancelled", "cut_anywhere"),
    (LeavesTheTransaction, "an open transaction is ended", "works"),
    (Hangs, "hangs", "greets"),
]


@pytest.mark.parametrize(
    ("kind", "promise", "check"), ANY, ids=lambda one: getattr(one, "__name__", "")
)
def test_what_breaks_the_contract_is_found(kind, promise, check, tmp_path, monkeypatch):
    monkeypatch.setattr(listener_client, "HANG_SECONDS", 0.2)
    with pytest.raises(AssertionError, match=promise) as error:
        check_listener(small.opened(kind), small.Script(), tmp_path)
    assert f"in the listener kit's {check}" in error.value.__notes__


@pytest.mark.parametrize(
    ("farewell", "promise"),
    [
        (lambda self, reason: "later", "is octets"),
        (lambda self, reason: b"+ bye\r\n", "may come again"),
        (lambda self, reason: b"- no\r\n", "may come again"),
        (lambda self, reason: b"~" * 600, "512 octets"),
    ],
    ids=["text", "success", "permanent", "long"],
)
def test_a_wrong_farewell_is_found(farewell, promise, tmp_path):
    with pytest.raises(AssertionError, match=promise):
        check_listener(small.opened(farewell=farewell), small.Script(), tmp_path)


class NoHello(Conversation):
    do_hi = Conversation.do_nop


class DropsALine(Conversation):
    async def content(self, size_octets):
        blob = await super().content(size_octets)
        return (
            blob if blob is None or blob.path else Blob(blob.read().replace(b"\r\n\r\n", b"\r\n"))
        )


class RepairsLineEnds(Conversation):
    async def content(self, size_octets):
        blob = await super().content(size_octets)
        if blob is None or blob.path:
            return blob
        return Blob(re.sub(rb"\r?\n", b"\r\n", blob.read()))


class AnswersFirst(Conversation):
    async def content(self, size_octets):
        blob = await super().content(size_octets)
        await self.answer(OK)
        return blob

    async def tell(self, outcome):
        for status in outcome.statuses[1:]:
            await self.answer(status)


class AlwaysOk(Conversation):
    async def tell(self, outcome):
        for _ in outcome.statuses:
            await self.answer(OK)


class MakesItPermanent(Conversation):
    async def say(self, answer):
        if isinstance(answer, Tempfail):
            await self.unknown(b"")
            return ""
        return await super().say(answer)


class GoesOnAfterDisconnect(Conversation):
    async def say(self, answer):
        await super().say(answer)
        return ""


class OneForAll(Conversation):
    async def tell(self, outcome):
        for _ in outcome.statuses:
            await self.answer(outcome.statuses[0])


class Silent(Conversation):
    async def do_to(self, rest):
        with suppress(RuntimeError):
            return await super().do_to(rest)


class AllInMemory(Conversation):
    async def content(self, size_octets):
        while len(self.buffer) < size_octets:
            await self.receive()
        content, self.buffer = self.buffer[:size_octets], self.buffer[size_octets:]
        return Blob(content)


class LeavesTheFile(Conversation):
    async def content(self, size_octets):
        blob = await super().content(size_octets)
        if blob is not None and blob.path is not None:
            blob.path.with_name("left").write_bytes(b"x")
        return blob


class TakesAnySize(Conversation):
    async def content(self, size_octets):
        return await super().content(min(size_octets, self.flow.size_limit_octets))


class HalfMessages(Conversation):
    async def content(self, size_octets):
        try:
            return await super().content(size_octets)
        except small.Left:
            return Blob(self.buffer)


class SkipsRecipients(Conversation):
    async def do_to(self, rest):
        if self.transaction.recipients:
            return await self.say(Accept())
        return await super().do_to(rest)


RECEIVING = [
    (NoHello, "the hello is handed in", "the_envelope_is_handed_in"),
    (SkipsRecipients, "what the mail flow has said|recipients", "the_envelope_is_handed_in"),
    (DropsALine, "as it was sent", "contents_arrive_unchanged"),
    (RepairsLineEnds, "what is accepted is what was sent", "bare_line_ends_smuggle_nothing"),
    (AnswersFirst, "before the mail flow has", "success_waits_for_the_mail_flow"),
    (AlwaysOk, "at message, Tempfail reaches", "refusals_reach_the_peer"),
    (MakesItPermanent, "at hello, Tempfail reaches", "refusals_reach_the_peer"),
    (GoesOnAfterDisconnect, "hangs", "refusals_reach_the_peer"),
    (OneForAll, "its own answer", "each_recipient_has_its_answer"),
    (Silent, "at recipient, a failure is", "a_mail_flow_that_raises_is_temporary"),
    (AllInMemory, "a large content is in a file", "large_contents_are_not_kept_in_memory"),
    (LeavesTheFile, "its file is gone", "large_contents_are_not_kept_in_memory"),
    (TakesAnySize, "refused for good", "large_messages_are_refused"),
    (HalfMessages, "half a message", "cut_anywhere_in_a_message"),
]


@pytest.mark.parametrize(
    ("kind", "promise", "check"), RECEIVING, ids=lambda one: getattr(one, "__name__", "")
)
def test_what_breaks_the_mail_flow_is_found(kind, promise, check, tmp_path, monkeypatch):
    monkeypatch.setattr(listener_client, "HANG_SECONDS", 0.2)
    with pytest.raises(AssertionError, match=promise) as error:
        check_receiving_listener(small.opened(kind), small.Script(), tmp_path)
    assert f"in the receiving listener kit's {check}" in error.value.__notes__

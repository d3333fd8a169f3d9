r"""The conformance kit of listeners that receive mail: how they use `thurn.contracts.mailflow`.

    def test_contract(tmp_path):
        check_listener(open_smtp, Script(), tmp_path / "any")
        check_receiving_listener(open_smtp, Script(), tmp_path / "receiving")

The mail flow is `thurn_testing.fakes.mailflow.FakeMailflow`, which answers as each check wants. The
largest message that the listener takes has to be set to `SIZE_LIMIT_OCTETS` of that module.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

from thurn.types.content import SPILL_OCTETS
from thurn.types.decision import Disconnect, Reject, Tempfail
from thurn.types.status import Status

from thurn_testing.contracts.expectation import expect, expect_equal
from thurn_testing.contracts.listener import cut, run_checks
from thurn_testing.contracts.listener_client import (
    Answer,
    Bench,
    Client,
    ClientScript,
    OpenListener,
)
from thurn_testing.fakes.mailflow import Stage

SENDER: Final = "ann@example.net"
RECIPIENT: Final = "alice@example.org"
RECIPIENTS: Final = (RECIPIENT, "bob@example.org", "carol@example.org")


@dataclass(frozen=True, slots=True)
class Mail:
    """What a peer submits.

    Attributes:
        sender: the reverse-path; "" is the null sender.
        recipients: in order.
        content: the message; its last line has its end.
    """

    sender: str = SENDER
    recipients: tuple[str, ...] = (RECIPIENT,)
    content: bytes = b"Subject: x\r\n\r\nText\r\n"


class ReceivingScript(ClientScript, Protocol):
    """How a peer submits mail by the protocol of the listener.

    Attributes:
        hello: the name by which `greet` introduces the peer; None if the protocol has no hello.
        replies: whether a message has one answer, or one for each accepted recipient.
    """

    @property
    def hello(self) -> str | None:
        """See above."""

    @property
    def replies(self) -> Literal["each", "one"]:
        """See above."""

    async def submit(self, client: Client, mail: Mail) -> list[Answer]:
        """Submit a message after `greet`; returns what the peer has learnt for each recipient.

        The end of the content is a turn of its own, or part of the last one. Where an earlier step
        is refused, its answer is that of the recipients whom it concerns, and the rest is left out.
        """


ReceivingCheck: TypeAlias = Callable[[Bench, ReceivingScript], Awaitable[None]]

CONTENTS: Final = (
    b"",
    b"\r\n",
    b"no header\r\n",
    b"Subject: x\r\n\r\n.\r\n..\r\n.dot\r\n\r\n.\r\n",
    b"Subject: x\r\n\r\nQUIT\r\nRSET\r\n",
    b"Subject: \xe4\xf6\xfc\r\n\r\n" + bytes(range(0x80, 0x100)) + b"\r\n",
    b"Subject: x\r\n\r\n" + b"y" * 998 + b"\r\n",
    b"X: 1\r\n" * 5_000 + b"\r\nmany fields\r\n",
)
"""Contents that have to arrive octet by octet."""
LINE_ENDS: Final = (
    b"a\nb\r\n",
    b"a\rb\r\n",
    b"a\n.\nb\r\n",
    b"a\n.\r\nb\r\n",
    b"a\r.\r\nb\r\n",
    b"a\r\n.\nb\r\n",
    b"a\r\n.\rb\r\n",
    b"a\r\r\n.\r\nb\r\n",
    b"a\0b\r\n",
)
"""Contents with CR, LF or NUL alone, among them the ends of data of which SMTP smuggling is made.
RFC 5321 §2.3.8."""
LARGE: Final = b"Subject: large\r\n\r\n" + b"0123456789abcdef0123456789abcdef\r\n" * 130_000
"""A content of more than 4 MiB, which is spilled to a file (`SPILL_OCTETS`)."""

REFUSALS: Final = (
    (Tempfail("kit.later"), "temporary"),
    (Reject("kit.refused"), "permanent"),
    (Disconnect("kit.leave"), "temporary"),
)
"""What the mail flow may say, and what the peer has to learn."""


def check_receiving_listener(
    open_listener: OpenListener, script: ReceivingScript, directory: Path
) -> None:
    """Everything that a listener owes to its mail flow and to peers that submit mail holds.

    Args:
        open_listener: see `OpenListener`; it is called once for each check.
        script: how a peer speaks.
        directory: an empty one.

    Raises:
        AssertionError: with the promise that was not kept; a note names the check.
    """

    def bound(check: ReceivingCheck) -> Callable[[Bench], Awaitable[None]]:
        async def run(bench: Bench) -> None:
            await check(bench, script)

        run.__name__ = check.__name__
        return run

    checks = [bound(check) for check in CHECKS]
    run_checks("receiving listener", checks, open_listener, script, directory)


async def _greeted(bench: Bench) -> Client:
    client = bench.connect()
    expect_equal(await bench.script.greet(client), "success", "the greeting says yes")
    return client


async def the_envelope_is_handed_in(bench: Bench, script: ReceivingScript) -> None:
    """The mail flow is asked at each step, in order, with what the peer has said."""
    client = await _greeted(bench)
    calls = bench.mailflow.calls
    expect_equal(calls[0][0], "connect", "the mail flow is asked before the greeting")
    if script.hello is not None:
        expect_equal(calls[1:], [("hello", script.hello)], "the hello is handed in")
    for sender in (SENDER, ""):
        calls.clear()
        await _expect_answers(script, client, Mail(sender, RECIPIENTS), ["success"] * 3)
        asked = [("sender", sender), *(("recipient", one) for one in RECIPIENTS)]
        expect_equal(calls[:-1], asked, "sender and recipients are handed in, in order")
        expect_equal(calls[-1][0], "message", "then the message")
        taken = bench.mailflow.messages[-1]
        expect_equal([str(one) for one in taken.recipients], list(RECIPIENTS), "for all of them")
        expect_equal(taken.replies, script.replies, "the listener asks for the answers it gives")
    await client.leave("close")
    bench.expect_nothing_open(client)


async def _expect_answers(
    script: ReceivingScript, client: Client, mail: Mail, expected: Sequence[Answer], why: str = ""
) -> None:
    answers = await script.submit(client, mail)
    promise = why or "a peer learns what the mail flow has said"
    expect_equal(answers, list(expected), promise)
    expect(not client.early, f"nothing is answered before the mail flow has: {client.early!r}")


async def contents_arrive_unchanged(bench: Bench, script: ReceivingScript) -> None:
    """A content is handed in octet by octet as it was submitted."""
    client = await _greeted(bench)
    for content in CONTENTS:
        await _expect_answers(script, client, Mail(content=content), ["success"])
        taken = bench.mailflow.messages[-1].octets
        expect(taken == content, f"the content is as it was sent: {content!r:.60}, {taken!r:.60}")
    expect_equal(len(bench.mailflow.messages), len(CONTENTS), "each message is handed in once")
    await client.leave("close")
    bench.expect_nothing_open(client)


async def large_contents_are_not_kept_in_memory(bench: Bench, script: ReceivingScript) -> None:
    """A content above `SPILL_OCTETS` is handed in as a file, and the file goes away."""
    client = await _greeted(bench)
    for size_octets in (SPILL_OCTETS // 2, SPILL_OCTETS + 1, len(LARGE)):
        content = LARGE[: size_octets - 2] + b"\r\n"
        await _expect_answers(script, client, Mail(content=content), ["success"])
        taken = bench.mailflow.messages[-1]
        expect_equal(taken.size_octets, size_octets, "a large content is whole")
        expect(taken.is_file or size_octets <= SPILL_OCTETS, "a large content is in a file")
        expect(taken.digest == hashlib.sha256(content).digest(), "and unchanged")
        expect_equal(bench.files(), [], "its file is gone with the answer")
    await client.leave("close")
    bench.expect_nothing_open(client)


async def bare_line_ends_smuggle_nothing(bench: Bench, script: ReceivingScript) -> None:
    """CR, LF and NUL alone are content: handed in as they came, or the message is refused."""
    for content in LINE_ENDS:
        client, flow = await _greeted(bench), bench.mailflow
        flow.messages.clear()
        flow.refused.clear()
        mail = Mail(content=b"Subject: x\r\n\r\n" + content)
        (answer,) = await script.submit(client, mail)
        if answer == "success":
            taken = [one.octets for one in flow.messages]
            expect_equal(taken, [mail.content], "what is accepted is what was sent, and no more")
        else:
            expect(answer != "nothing", f"{content!r} is answered")
            expect_equal(
                len(flow.messages), 0, f"what the listener refuses is refused: {content!r}"
            )
            expect(len(flow.refused) == 1, "the mail flow hears of a refusal")
        await client.leave("close")
        bench.expect_nothing_open(client)


async def success_waits_for_the_mail_flow(bench: Bench, script: ReceivingScript) -> None:
    """Success is not said before the mail flow has answered."""
    bench.mailflow.holds = True
    client = await _greeted(bench)
    await _expect_answers(script, client, Mail(), ["success"])
    await client.leave("close")
    bench.expect_nothing_open(client)


async def refusals_reach_the_peer(bench: Bench, script: ReceivingScript) -> None:
    """What the mail flow says at each step is what the peer learns."""
    for stage in _stages(script):
        for reply, expected in REFUSALS:
            answers, client = await _say(bench, script, stage, reply)
            told = f"at {stage}, {type(reply).__name__} reaches the peer"
            expect_equal(set(answers), {expected}, told)
            if isinstance(reply, Disconnect):
                await client.wait_ended()
                expect(client.closed, f"at {stage}, Disconnect closes the connection")
            await client.leave("close")
            bench.expect_nothing_open(client)


async def a_mail_flow_that_raises_is_temporary(bench: Bench, script: ReceivingScript) -> None:
    """Whatever fails behind the listener is temporary for the peer; it is never silence."""
    for stage in _stages(script):
        answers, client = await _say(bench, script, stage, RuntimeError("of the kit"))
        expect_equal(set(answers), {"temporary"}, f"at {stage}, a failure is a temporary answer")
        await client.leave("close")
        expect_equal(bench.mailflow.open_transactions, 0, "the transaction has ended")
        expect_equal(bench.files(), [], "no file of the session is left")


def _stages(script: ReceivingScript) -> list[Stage]:
    stages: list[Stage] = ["connect", "hello", "sender", "recipient", "message"]
    return [stage for stage in stages if stage != "hello" or script.hello is not None]


async def _say(
    bench: Bench,
    script: ReceivingScript,
    stage: Stage,
    reply: Tempfail | Reject | Disconnect | Exception,
) -> tuple[list[Answer], Client]:
    """What a peer learns when the mail flow says this at this stage, and only there."""
    bench.mailflow.forget()
    bench.mailflow.say(stage, reply)
    client = bench.connect()
    answer = await script.greet(client)
    if answer != "success" or stage in ("connect", "hello"):
        return [answer], client
    return await script.submit(client, Mail()), client


async def each_recipient_has_its_answer(bench: Bench, script: ReceivingScript) -> None:
    """Recipients are answered one by one; the message goes to those that were accepted."""
    flow = bench.mailflow
    flow.say(RECIPIENTS[0], Tempfail("kit.later"))
    flow.say(RECIPIENTS[2], Reject("kit.refused"))
    client = await _greeted(bench)
    mail = Mail(recipients=RECIPIENTS)
    await _expect_answers(script, client, mail, ["temporary", "success", "permanent"])
    taken = [str(one) for one in flow.messages[-1].recipients]
    expect_equal(taken, [RECIPIENTS[1]], "the message is for those that were accepted")
    if script.replies == "each":
        flow.forget()
        flow.statuses = (
            Status(250, "2.0.0", "Ok"),
            Status(452, "4.2.2", "Full"),
            Status(550, "5.7.1", "Refused"),
        )
        expected: list[Answer] = ["success", "temporary", "permanent"]
        await _expect_answers(script, client, mail, expected, "each recipient has its own answer")
    await client.leave("close")
    bench.expect_nothing_open(client)


async def large_messages_are_refused(bench: Bench, script: ReceivingScript) -> None:
    """A message above the limit is refused for good at its end, and the session goes on."""
    client = await _greeted(bench)
    line = b"x" * 78 + b"\r\n"
    mail = Mail(content=line * (bench.mailflow.size_limit_octets // len(line) + 1))
    answers = await script.submit(client, mail)
    expect_equal(answers, ["permanent"], "a message above the limit is refused for good")
    expect_equal(len(bench.mailflow.messages), 0, "it is not handed in")
    if not client.ended:
        await _expect_answers(script, client, Mail(), ["success"])
        await client.leave("close")
    bench.expect_nothing_open(client)


async def cut_anywhere_in_a_message(bench: Bench, script: ReceivingScript) -> None:
    """A connection may end at any octet of a submission; half a message is never handed in."""
    mail = Mail(recipients=RECIPIENTS[:2])

    async def dialogue(client: Client) -> None:
        await script.greet(client)
        await script.submit(client, mail)

    await cut(bench, dialogue)
    for taken in bench.mailflow.messages:
        expect_equal(taken.octets, mail.content, "half a message is never handed in")


CHECKS: Final[tuple[ReceivingCheck, ...]] = (
    the_envelope_is_handed_in,
    contents_arrive_unchanged,
    bare_line_ends_smuggle_nothing,
    success_waits_for_the_mail_flow,
    refusals_reach_the_peer,
    each_recipient_has_its_answer,
    a_mail_flow_that_raises_is_temporary,
    large_contents_are_not_kept_in_memory,
    large_messages_are_refused,
    cut_anywhere_in_a_message,
)

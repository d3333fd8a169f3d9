"""The conformance kit of login policies (`thurn.contracts.login`), driven without a gate.

    async def test_contract(tmp_path):
        async with factory.open(settings, context) as policy:
            await check_login(policy, admitted=[make_session(protocol="pop3")])

The kit logs in honestly first, then says what a hostile peer may say. It says so from addresses
of its own (RFC 5737), as a policy may remember failures for long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import trio
from thurn.contracts.login import Forbid, LoginAttempt, LoginDecision, LoginPolicy, Proceed
from thurn.types.identity import Identity
from thurn.types.session import Session

from thurn_testing.contracts.expectation import expect, expect_equal
from thurn_testing.fakes.session import TLS, make_identity, make_session

ANSWER_SECONDS: Final = 5.0
"""Longest time of one answer in seconds; the host gives all login policies of an attempt 30 s."""
DELAY_SECONDS: Final = 60.0
"""Longest delay in seconds that a policy may ask for; a policy that wants more refuses."""
NAMES: Final = (
    "",
    "alice",
    "ALICE@example.org",
    "a" * 64,
    "' OR 1=1 --",
    "../../etc/passwd",
    "%n%s",
    "\x00\r\nlogin.succeeded",
    "j\u00f6rg@m\u00fcnchen.example",
    "\u202egnp.ecila",
    "\ud800",
)
"""Login names as peers give them: policies are asked before anything has looked at them."""
MECHANISMS: Final = ("PASSWORD", "PLAIN", "SCRAM-SHA-256", "X" * 20)
PEERS: Final = ("198.51.100.1", "2001:db8::1", "fe80::1", None)
PROTOCOLS: Final = ("smtp", "imap", "pop3", "managesieve", "x-unknown")


async def check_login(
    policy: LoginPolicy,
    *,
    admitted: Sequence[Session],
    forbidden: Sequence[Session] = (),
    identity: Identity | None = None,
) -> None:
    """Everything that the contract promises holds for this policy as it is configured.

    Args:
        policy: opened.
        admitted: sessions that may log in, before the policy has heard of a failure.
        forbidden: sessions whose login is refused, before or after the credentials.
        identity: of the logins; that of "alice" if None.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    who = make_identity("alice") if identity is None else identity
    for session in admitted:
        for _ in range(2):
            expect(await _logs_in(policy, session, who), f"{_shown(session)} may log in")
    for session in forbidden:
        expect(not await _logs_in(policy, session, who), f"{_shown(session)} may not log in")
    for peer in PEERS:
        for protocol in PROTOCOLS:
            session = make_session(peer=peer, protocol=protocol, tls=TLS)
            await _hostile(policy, session)


async def _logs_in(policy: LoginPolicy, session: Session, identity: Identity) -> bool:
    attempt = LoginAttempt(session, identity.authcid, identity.mechanism)
    if isinstance(await _ask(policy, attempt, asked_before=True), Forbid):
        return False
    if isinstance(await _ask(policy, attempt, identity), Forbid):
        return False
    record = getattr(policy, "record_login", None)
    if record is not None:
        expect(await record(attempt, identity) is None, "`record_login` returns nothing")
    return True


async def _hostile(policy: LoginPolicy, session: Session) -> None:
    for name in NAMES:
        for mechanism in MECHANISMS[:: 1 if name == "" else len(MECHANISMS)]:
            attempt = LoginAttempt(session, name, mechanism)
            await _ask(policy, attempt, asked_before=True)
            await _ask(policy, attempt, None)
            await _ask(policy, replace(attempt, guess=b"\x00\xff" * 16), None)
    # A mechanism may fail before there is a name, and nobody may have been asked before.
    await _ask(policy, LoginAttempt(session, "", "PLAIN"), None)
    long = replace(make_identity("a" * 1024), authcid="b" * 1024)
    await _ask(policy, LoginAttempt(session, "b" * 64, "PLAIN"), long)


async def _ask(
    policy: LoginPolicy,
    attempt: LoginAttempt,
    identity: Identity | None = None,
    *,
    asked_before: bool = False,
) -> LoginDecision | None:
    session = attempt.session
    before = (session.identity, session.remembered, session.tls, session.peer)
    answer: LoginDecision | None = None
    with trio.move_on_after(ANSWER_SECONDS) as scope:
        if asked_before:
            answer = await policy.before_login(attempt)
        else:
            answer = await policy.after_login(attempt, identity)
    expect(not scope.cancelled_caught, "a policy answers in time; it says `Proceed` to delay")
    after = (session.identity, session.remembered, session.tls, session.peer)
    expect_equal(after, before, "a policy judges; it does not change the session")
    known = Proceed | Forbid | None
    expect(isinstance(answer, known), f"the answer is a login decision or None: {answer!r}")
    if isinstance(answer, Forbid):
        expect(answer.reason, "a decision has a reason")
    if isinstance(answer, Proceed):
        delay = answer.delay_seconds
        bounded = math.isfinite(delay) and 0 <= delay <= DELAY_SECONDS
        expect(bounded, f"a delay is within 0 and {DELAY_SECONDS:g} s: {delay!r}")
    return answer


def _shown(session: Session) -> str:
    return f"a session of {session.peer} ({session.protocol})"

"""Login: what is offered, judged, refused, and in which words and times."""

from __future__ import annotations

import subprocess
import sys

import pytest
import trio
from thurn.contracts.account import AccountRecord, Claim, Denied, Unknown, Verified
from thurn.contracts.gate import Ask, Granted, Refused
from thurn.contracts.login import Forbid, Proceed
from thurn.contracts.sasl import NeedVerify
from thurn.gate.gate import CHALLENGE_OCTETS, REQUESTS
from thurn.plugin import Secret, sasl
from thurn.types.errors import TemporaryFailure
from thurn.types.identity import LOGIN_NAME_CHARACTERS, SECRET_CHARACTERS, AccountId
from thurn.types.status import BAD_CREDENTIALS, ENCRYPTION_REQUIRED, LOGIN_TROUBLE


async def test_a_right_password_is_an_identity(world, autojump_clock):
    one = world()
    session = one.session()
    granted = await one.gate.password(session, "alice", "right")
    assert isinstance(granted, Granted)
    assert session.identity is granted.identity
    identity = granted.identity
    assert (identity.account, identity.mechanism, identity.secured) == ("alice", "PASSWORD", True)
    assert one.told == ["LoggedIn"]


async def test_plaintext_wants_encryption(world, autojump_clock):
    one = world()
    session = one.session(tls=False)
    assert one.gate.mechanisms(session) == ("STORED",)
    assert not one.gate.password_allowed(session)
    for refused in (
        await one.gate.password(session, "alice", "right"),
        (await one.gate.begin(session, "PLAINISH", b"alice\0right"))[1],
    ):
        assert refused == Refused(ENCRYPTION_REQUIRED, "encryption.required")
    assert one.accounts.claims == []
    one = world(clear=True)
    assert one.gate.mechanisms(session) == ("PLAINISH", "STORED")
    assert isinstance(await one.log_in(tls=False), Granted)


async def test_an_unknown_mechanism(world):
    one = world()
    login, refused = await one.gate.begin(one.session(), "NONE", None)
    assert refused.status.code == 504
    assert (await login.respond(b"x")).status.code == 504
    login.cancel()


@pytest.mark.parametrize("name", ["alice", "nobody"])
async def test_a_wrong_name_and_a_wrong_password_are_one_answer_in_one_time(
    world, autojump_clock, name
):
    one = world()
    for _ in range(40):  # the usual time is learnt
        await one.log_in("bob", "wrong")
    started = trio.current_time()
    refused = await one.log_in(name, "wrong")
    assert refused == Refused(BAD_CREDENTIALS, "credentials")
    assert trio.current_time() - started == pytest.approx(one.accounts.seconds, rel=0.02)
    assert one.told[-1] == "LoginFailed"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", "right"), ("alice", ""), ("al\0ice", "right"), ("alice", "ri\r\nght"),
        ("a" * (LOGIN_NAME_CHARACTERS + 1), "right"), ("alice", "x" * (SECRET_CHARACTERS + 1)),
    ],
)  # fmt: skip
async def test_what_is_no_credential_reaches_no_account(world, autojump_clock, name, password):
    one = world()
    refused = await one.log_in(name, password)
    assert refused.status == BAD_CREDENTIALS
    assert one.accounts.claims == []
    assert one.told == ["LoginFailed"]


async def test_trouble_is_454_not_counted_and_not_cached(world, autojump_clock):
    policy = world.Policy()
    one = world(policy)
    for error in (TemporaryFailure("down"), OSError("down"), RuntimeError("bug")):
        one.accounts.error = error
        assert await one.log_in() == Refused(LOGIN_TROUBLE, "trouble")
        _, step = await one.gate.begin(one.session(tls=False), "STORED", b"alice")
        assert step == Refused(LOGIN_TROUBLE, "trouble")
    assert set(one.told) == {"PluginFailed"}  # no login has failed
    assert {kind for kind, *_ in policy.asked} == {"before"}
    assert set(one.diagnostics.events) == {"login.deferred", "plugin.failed"}
    one.accounts.error = None
    assert isinstance(await one.log_in(), Granted)


async def test_accounts_that_do_not_answer_are_trouble(world, autojump_clock):
    one = world()
    one.accounts.seconds = 1000
    assert await one.log_in() == Refused(LOGIN_TROUBLE, "trouble")


async def test_a_mechanism_that_raises_is_trouble(world, monkeypatch):
    one = world()
    mechanism = one.gate._parts.mechanisms["STORED"].product

    def broken(conditions):
        raise KeyError("of the plugin")
        yield

    def not_even_that(conditions):
        raise KeyError("of the plugin")

    def nonsense(conditions):
        while True:
            yield 42

    def not_a_generator(conditions):
        return None

    def text(conditions):
        yield sasl.Challenge("text")

    def no_result(conditions):
        yield from ()

    for begin in (broken, not_even_that, nonsense, not_a_generator, text, no_result):
        monkeypatch.setattr(type(mechanism), "begin", lambda _, c, begin=begin: begin(c))
        login, step = await one.gate.begin(one.session(), "STORED", None)
        assert step == Refused(LOGIN_TROUBLE, "trouble")
        login.cancel()
        failed = next(line for line in one.diagnostics.lines if line.event == "plugin.failed")
        assert failed.facts["plugin"] == "sasl.x"
        assert ":" in failed.facts["source"]
        one.diagnostics.lines.clear()


async def test_an_exchange_is_bounded(world, monkeypatch):
    one = world()

    def endless(_, conditions):
        while True:
            yield sasl.Challenge(b"and?")

    stand_in(monkeypatch, one, endless)
    login, step = await one.gate.begin(one.session(), "STORED", None)
    asked = 0
    while isinstance(step, Ask):
        asked += 1
        step = await login.respond(b"")
    assert asked == REQUESTS
    assert step == Refused(LOGIN_TROUBLE, "trouble")

    def wide(_, conditions):
        for _ in range(2):
            yield sasl.Challenge(b"x" * (CHALLENGE_OCTETS // 2 + 1))

    stand_in(monkeypatch, one, wide)
    login, step = await one.gate.begin(one.session(), "STORED", None)
    assert isinstance(step, Ask)
    assert await login.respond(b"") == Refused(LOGIN_TROUBLE, "trouble")


@pytest.mark.parametrize(
    ("password", "claimed", "status"),
    [
        ("right", None, LOGIN_TROUBLE),
        ("right", Verified(AccountId("bob")), LOGIN_TROUBLE),
        ("wrong", None, BAD_CREDENTIALS),
        ("wrong", Verified(AccountId("alice")), BAD_CREDENTIALS),
    ],
)
async def test_a_success_without_the_verdict_that_was_asked_for_lets_nobody_in(
    world, monkeypatch, autojump_clock, password, claimed, status
):
    one = world()

    def lying(_, conditions):
        yield NeedVerify(Claim("alice", Secret(password)))
        return sasl.SaslSuccess("alice", verdict=claimed)

    stand_in(monkeypatch, one, lying)
    _, step = await one.gate.begin(one.session(), "STORED", None)
    assert step.status == status
    failed = next(line for line in one.diagnostics.lines if line.event == "plugin.failed")
    assert "answered nonsense" in failed.facts["failure"]


async def test_a_success_without_the_key_that_was_asked_for_lets_nobody_in(world, monkeypatch):
    one = world()

    def lying(_, conditions):
        yield from sasl.stored_key("alice", "x")
        return sasl.SaslSuccess("alice", verdict=Verified(AccountId("alice")))

    stand_in(monkeypatch, one, lying)
    _, step = await one.gate.begin(one.session(), "STORED", None)
    assert step == Refused(LOGIN_TROUBLE, "trouble")


def stand_in(monkeypatch, world, begin):
    """Another exchange for the mechanism STORED."""
    mechanism = world.gate._parts.mechanisms["STORED"].product
    monkeypatch.setattr(type(mechanism), "begin", begin)


async def test_an_exchange_in_steps_and_in_one(world, autojump_clock):
    one = world()
    login, step = await one.gate.begin(one.session(), "plainish", None)
    assert step == Ask(b"")
    assert isinstance(await login.respond(b"alice\0right"), Granted)
    _, step = await one.gate.begin(one.session(), "PLAINISH", b"alice\0right")
    assert isinstance(step, Granted)
    for malformed in (b"alice", b"\xff\0right", b"\0", b"al\nice\0right"):
        _, step = await one.gate.begin(one.session(), "PLAINISH", malformed)
        assert (step.status.code, step.reason) == (501, "malformed")


async def test_giving_up_counts_as_no_attempt(world):
    policy = world.Policy()
    one = world(policy)
    login, step = await one.gate.begin(one.session(), "PLAINISH", None)
    assert isinstance(step, Ask)
    login.cancel()
    assert one.told == policy.asked == one.accounts.claims == []


async def test_acting_as_another_wants_a_right(world, autojump_clock):
    one = world()
    _, step = await one.gate.begin(one.session(), "PLAINISH", b"alice\0right\0bob")
    assert step == Refused(BAD_CREDENTIALS, "authzid.refused")
    one.accounts.others["alice", "bob"] = AccountId("bob")
    _, step = await one.gate.begin(one.session(), "PLAINISH", b"alice\0right\0bob")
    assert (step.identity.account, step.identity.authcid) == ("bob", "alice")
    _, step = await one.gate.begin(one.session(), "PLAINISH", b"alice\0right\0alice")
    assert step.identity.account == "alice"


@pytest.mark.parametrize(
    ("facts", "granted"),
    [
        ({}, True), ({"enabled": False}, False), ({"services": frozenset({"imap"})}, False),
        ({"services": frozenset({"pop3"})}, True), ({"groups": frozenset({"staff"})}, True),
    ],
)  # fmt: skip
async def test_the_record_decides_about_services(world, autojump_clock, facts, granted):
    one = world()
    one.accounts.records["alice"] = AccountRecord(AccountId("alice"), None, **facts)
    answer = await one.log_in()
    if granted:
        assert answer.identity.groups == facts.get("groups", frozenset())
    else:
        assert answer == Refused(BAD_CREDENTIALS, "account.not_allowed")


async def test_who_acts_as_another_needs_the_service_as_well(world, autojump_clock):
    one = world()
    one.accounts.others["alice", "bob"] = AccountId("bob")
    one.accounts.records["bob"] = AccountRecord(AccountId("bob"), None, groups=frozenset({"b"}))
    for services, granted in (({"imap"}, False), ({"pop3"}, True)):
        one.accounts.records["alice"] = AccountRecord(
            AccountId("alice"), None, services=frozenset(services), groups=frozenset({"a"})
        )
        _, step = await one.gate.begin(one.session(), "PLAINISH", b"alice\0right\0bob")
        assert isinstance(step, Granted) == granted
    assert step.identity.groups == {"b"}


@pytest.mark.parametrize("verdict", [Denied(), Unknown()])
async def test_a_mechanism_that_overlooks_a_verdict_lets_nobody_in(world, monkeypatch, verdict):
    one = world()

    def careless(_, conditions):
        yield sasl.Challenge()
        return sasl.SaslSuccess("alice", verdict=verdict)

    stand_in(monkeypatch, one, careless)
    _, step = await one.gate.begin(one.session(), "STORED", b"x")
    assert step == Refused(BAD_CREDENTIALS, "credentials")


# policies


async def test_policies_are_asked_before_and_told_after(world, autojump_clock):
    policy = world.Policy()
    one = world(policy)
    await one.log_in()
    await one.log_in(password="wrong")
    assert policy.asked == [
        ("before", "alice"),
        ("after", "alice", "alice"),
        ("before", "alice"),
        ("after", "alice", None),
    ]


async def test_a_login_is_recorded_when_all_policies_have_allowed_it(world, autojump_clock):
    first, second = world.Policy(), world.Policy()
    one = world(first, second)
    await one.log_in(password="wrong")
    assert first.recorded == []
    for forbidding in (Forbid("network"), KeyError("bug")):
        second.answers["after"] = forbidding
        assert isinstance(await one.log_in(), Refused)
        assert first.recorded == []
    second.answers["after"] = None
    assert isinstance(await one.log_in(), Granted)
    assert first.recorded == second.recorded == ["alice"]


@pytest.mark.parametrize("error", [TemporaryFailure("full"), KeyError("bug")])
async def test_what_cannot_be_recorded_lets_nobody_in(world, autojump_clock, error):
    one = world(world.Policy(record=error))
    session = one.session()
    refused = await one.gate.password(session, "alice", "right")
    assert refused.status == LOGIN_TROUBLE
    assert session.identity is None
    assert "LoggedIn" not in one.told


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Forbid("limit"), BAD_CREDENTIALS), (Forbid("limit", temporary=True), LOGIN_TROUBLE),
        (KeyError("bug"), LOGIN_TROUBLE), ("nonsense", LOGIN_TROUBLE),
    ],
)  # fmt: skip
async def test_what_a_policy_refuses_or_breaks_lets_nobody_in(
    world, autojump_clock, when, answer, status
):
    one = world(world.Policy(**{when: answer}))
    session = one.session()
    refused = await one.gate.password(session, "alice", "right")
    assert isinstance(refused, Refused)
    assert refused.status == status
    assert session.identity is None
    assert "LoggedIn" not in one.told
    assert bool(one.accounts.claims) == (when == "after")  # no password was looked at before


async def test_delays_add_up_and_the_name_is_shortened(world, autojump_clock):
    slow = [world.Policy(before=Proceed(2.0), after=Proceed(1.0)) for _ in range(2)]
    one = world(*slow)
    started = trio.current_time()
    assert isinstance(await one.log_in(), Granted)
    assert trio.current_time() - started == pytest.approx(6.0 + one.accounts.seconds)
    await one.log_in("x" * 500, "wrong")
    assert slow[0].asked[-1] == ("after", "x" * 64, None)


async def test_the_same_guess_is_known_again_and_nothing_is_read_from_it(world, autojump_clock):
    policy = world.Policy()
    one = world(policy)
    for name, password in (("alice", "wrong"), ("alice", "wr0ng"), ("bob", "wrong")):
        for protocol in ("pop3", "imap"):
            await one.log_in(name, password, protocol=protocol)
            plain = f"{name}\0{password}".encode()
            await one.gate.begin(one.session(protocol=protocol), "PLAINISH", plain)
    assert [policy.guesses.count(guess) for guess in policy.guesses] == [4] * 12
    assert b"wrong" not in b"".join(policy.guesses)
    _, step = await one.gate.begin(one.session(), "STORED", b"alice")
    assert step.reason == "credentials"
    assert policy.guesses[-1] is None  # the password was not seen


def test_guesses_are_equal_in_all_workers():
    """Their key is made by what the template imports, before it forks."""
    shown = "import sys, thurn.app.application; print('thurn.gate.cache' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", shown], capture_output=True, check=True, text=True)
    assert told.stdout == "True\n"


async def test_login_is_all_or_nothing_when_cancelled(world, autojump_clock):
    one = world()
    session = one.session()
    with trio.move_on_after(one.accounts.seconds / 2):
        await one.gate.password(session, "alice", "right")
    assert session.identity is None
    assert one.told == []


async def test_every_refused_login_has_a_line(world, autojump_clock):
    """Whatever refuses it: before a password is looked at, for its form, or after the verdict."""
    policy = world.Policy()
    one = world(policy)
    await one.log_in(tls=False)
    await one.gate.begin(one.session(), "NONSENSE", None)
    await one.gate.begin(one.session(tls=False), "PLAINISH", None)
    await one.gate.begin(one.session(), "PLAINISH", b"x")
    await one.log_in("alice", "wrong")
    policy.answers["before"] = Forbid("login.banned", temporary=True)
    await one.log_in()
    logged = [(line.event, line.facts["code"], line.facts["reason"]) for line in one.login_lines]
    assert logged == [
        ("login.refused", 538, "encryption.required"),
        ("login.refused", 504, "mechanism.unknown"),
        ("login.refused", 538, "encryption.required"),
        ("login.refused", 501, "malformed"),
        ("login.refused", 535, "credentials"),
        ("login.refused", 454, "login.banned"),
    ]


async def test_a_policy_that_cannot_answer_is_no_refusal_in_the_log(world, autojump_clock):
    one = world(world.Policy(before=RuntimeError("broken")))
    await one.log_in()
    assert [(line.event, line.facts["reason"]) for line in one.login_lines] == [
        ("login.deferred", "plugin.failed")
    ]

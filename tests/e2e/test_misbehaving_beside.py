"""Login mechanisms, account sources, listeners, services and background tasks that misbehave.

Rules of this file: those of test_misbehaving.py; what the peer hears is the protocol's own word.
"""

from __future__ import annotations

from base64 import b64encode
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from misbehaving import filtering
from misbehavingsite import ACCOUNT, FILTER, LATE, merged
from smtppeer import connected
from thurn.app.application import supervise
from thurn.plugin import (
    Forbid,
    ListenerSettings,
    NeedVerify,
    Reject,
    SaslSuccess,
    Tempfail,
    Unknown,
    login_policy,
    plugin,
    sasl,
    sasl_mechanism,
)
from thurn_testing.fakes.service import IdleService

# logins


def mechanism(way):
    @sasl_mechanism("BAD", plaintext=True)
    def exchange():
        answer = yield from sasl.receive()
        if answer != b"bad":
            return sasl.SaslFailure("credentials")
        if way == "raises":
            raise KeyError("x")
        if way == "asks nonsense":
            yield 42
        if way == "asks for ever":
            while True:
                yield from sasl.receive(b"more")
        if way == "lies":
            yield NeedVerify(sasl.Claim("alice", sasl.Secret("right")))
        return SaslSuccess("alice") if way in ("lies", "forges") else 42

    return exchange


def login(way):
    async def judge(attempt):
        if attempt.name != "bad":
            return None
        await trio.lowlevel.checkpoint()
        if way == "raises":
            raise KeyError("x")
        if way == "hangs":
            await trio.sleep_forever()
        return Reject("r") if way == "answers a refusal of mail" else Forbid("bad")

    return login_policy("bad")(judge)


class Verifier:
    """Proves nobody; breaks for whom a test says."""

    def __init__(self, way):
        self.way = way

    async def verify(self, claim):
        if claim.name != "bad":
            return Unknown()
        if self.way == "raises":
            raise KeyError("x")
        return True

    async def stored_key(self, query):
        return Unknown()


def verifying(way):
    @plugin("account", "bad")
    @asynccontextmanager
    async def opening():
        yield Verifier(way)

    return opening


def login_site(**more):
    """A listener that takes passwords in the clear."""
    return merged(
        {
            "listener": {
                "mx": {
                    "profile": "submission",
                    "plaintext_without_tls": True,
                    "require_tls": False,
                    "sasl": ["plain"],
                }
            },
            "sasl": {"plain": {"type": "plain"}},
        },
        more,
    )


SASL = login_site(listener={"mx": {"sasl": ["bad"]}}, sasl={"bad": {"type": "bad"}})
LOGIN = login_site(
    listener={"mx": {"login": ["bad"]}}, login={"bad": {"type": "bad", "deadline": "200ms"}}
)
VERIFIER = login_site(**ACCOUNT)

LOGINS = [
    ("a mechanism raises", SASL, mechanism("raises"), "BAD", "KeyError", 454),
    ("a mechanism asks nonsense", SASL, mechanism("asks nonsense"), "BAD", "nonsense: 42", 454),
    ("a mechanism answers nonsense", SASL, mechanism(""), "BAD", "nonsense: 42", 454),
    ("a mechanism asks for ever", SASL, mechanism("asks for ever"), "BAD", "more than 64", 454),
    ("a mechanism claims what was denied", SASL, mechanism("lies"), "BAD", "denied it", 535),
    ("a login policy raises", LOGIN, login("raises"), "PLAIN", "KeyError", 454),
    ("a login policy hangs", LOGIN, login("hangs"), "PLAIN", LATE, 454),
    (
        "a login policy answers nonsense",
        LOGIN,
        login("answers a refusal of mail"),
        "PLAIN",
        "answered nonsense: Reject",
        454,
    ),
    ("a verifier raises", VERIFIER, verifying("raises"), "PLAIN", "KeyError", 454),
    ("a verifier says True", VERIFIER, verifying("says True"), "PLAIN", "nonsense: True", 454),
]


@pytest.mark.parametrize(
    ("site", "make", "mechanism", "told", "code"),
    [row[1:] for row in LOGINS],
    ids=[row[0] for row in LOGINS],
)
async def test_a_login_hears_454_the_log_names_it_and_the_next_is_judged(
    opened, site, make, mechanism, told, code
):
    def response(name):
        octets = name.encode() if mechanism == "BAD" else f"\0{name}\0secret".encode()
        return b64encode(octets).decode()

    async with opened(site, make) as (server, failures), connected(server) as peer:
        assert await peer.say("EHLO c.example") == 250
        answer = await peer.say(f"AUTH {mechanism} {response('bad')}")
        while answer == 334:
            answer = await peer.say(response("bad"))
        assert answer == code
        own = [failure for failure in failures if hasattr(failure, "failure")]
        assert {failure.instance for failure in own} == {f"{make.role}.bad"}
        assert any(told in failure.failure for failure in own), own
        assert await peer.say(f"AUTH {mechanism} {response('nobody')}") == 535


# what runs beside


class BadListener:
    protocol = "bad"

    async def serve(self, connection, session):
        if await connection.receive() == b"bad":
            raise KeyError("x")
        await connection.send(b"fine")

    def farewell(self, reason):
        return b"sorry"


class BadService:
    """Raises the first time."""

    scope = "worker"

    def __init__(self):
        self.runs = 0
        self.again = trio.Event()

    async def run(self):
        self.runs += 1
        if self.runs == 1:
            raise KeyError("x")
        self.again.set()


async def test_a_listener_that_raises_says_goodbye_and_is_named(opened):
    @plugin("listener", "bad")
    @asynccontextmanager
    async def opening(config: ListenerSettings):
        yield BadListener()

    site = {"listener": {"bad": {"type": "bad", "bind": ["127.0.0.1:0"]}}}
    async with opened(site, opening) as (server, failures):
        for word, answer in ((b"bad", b"sorry"), (b"good", b"fine")):
            async with await trio.open_tcp_stream("127.0.0.1", server.port("bad")) as stream:
                await stream.send_all(word)
                assert await stream.receive_some(100) == answer
        [failure] = failures
        assert (failure.instance, failure.failure) == ("listener.bad", "raised KeyError: 'x'")
        assert __file__ in failure.source


async def test_a_service_that_raises_is_named_and_started_again(opened, monkeypatch):
    monkeypatch.setattr("thurn.app.application.RESTART_SECONDS", (0.0, 0.0))
    service = BadService()

    @plugin("service", "bad")
    @asynccontextmanager
    async def opening():
        yield service

    async with opened({"service": {"bad": {"type": "bad"}}}, opening) as (server, failures):
        await supervise(server.site, "bad", service)
        assert service.again.is_set()
        assert [(one.instance, one.failure) for one in failures] == [
            ("service.bad", "raised KeyError: 'x'")
        ]


async def test_a_background_task_that_raises_is_named(opened):
    """It costs the worker, which its supervisor replaces; the log says whose task it was."""
    go = trio.Event()
    told = []

    async def fail_later():
        await go.wait()
        raise KeyError("in the background")

    @plugin("service", "bad")
    @asynccontextmanager
    async def opening():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_later)
            yield IdleService()

    with pytest.RaisesGroup(KeyError, flatten_subgroups=True):
        async with opened({"service": {"bad": {"type": "bad"}}}, opening) as (_, failures):
            told = failures
            go.set()
            await trio.sleep_forever()
    [failure] = told
    assert (failure.instance, failure.stage) == ("service.bad", "background")
    assert failure.failure == "raised KeyError: 'in the background'"


async def test_who_listens_to_events_and_raises_disturbs_nobody(opened):
    async with opened(FILTER, filtering(Tempfail("later", "Later"))) as (server, _):
        server.site.events.subscribe(lambda event: {}["x"])
        async with connected(server) as peer:
            assert await peer.send("good", "alice@example.org") == 250

"""Plugins that misbehave, one row each: what the peer hears, whom the log names, and that the next
message passes.

Rules of this file: real listener, real log, real stores, one process; a plugin misbehaves when the
message says "bad" (its sender or its subject), and behaves else. Whatever a row does, a peer hears
a temporary failure and its connection goes on, unless the row says otherwise.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing
from thurn.app.application import supervise
from thurn.plugin import (
    Accept,
    AddRecipient,
    Continue,
    Forbid,
    InsertHeader,
    ListenerSettings,
    NeedVerify,
    PermanentFailure,
    Reject,
    SaslSuccess,
    Status,
    StorageTrouble,
    Tempfail,
    Unknown,
    UnknownAddress,
    login_policy,
    message_filter,
    outgoing_filter,
    plugin,
    recipient_policy,
    relay_policy,
    sasl,
    sasl_mechanism,
    sender_policy,
)
from thurn_store_memory.factory import memory
from thurn_testing.fakes.service import IdleService
from thurn_testing.server import open_server

ACCOUNTS = 'domains = ["example.org"]\n[accounts.alice]\n'
LET_GO = threading.Event()
"""Set when a test ends, so that no thread outlives it."""
NEVER = trio.lowlevel.RunVar("never")


class Unreadable(Exception):
    def __str__(self):
        raise KeyError("in the text")


class Unshowable:
    def __repr__(self):
        raise KeyError("in the repr")


@dataclass(frozen=True)
class Row:
    """One misbehaviour.

    Attributes:
        make: gives the plugin.
        told: a part of what the log says; "" is nothing.
        hears: the code that the peer hears at the step at which it happens.
        site: what is laid over the tables of the site.
        whom: the recipient.
        by: the instance that the log names; of the plugin's role if "".
    """

    name: str
    make: object
    told: str
    hears: int = 451
    site: dict = field(default_factory=dict)
    whom: str = "alice@example.org"
    by: str = ""


def is_bad(message):
    return message.header("subject") == "bad"


def filtering(answer):
    """A filter that answers, or does, the same for each bad message."""

    async def judge(message):
        if not is_bad(message):
            return None
        await trio.lowlevel.checkpoint()
        return await answer() if callable(answer) else answer

    return message_filter("bad")(judge)


def raising(error):
    async def fail():
        raise error

    return filtering(fail)


async def hang():
    await trio.sleep_forever()


async def swallow():
    try:
        await trio.sleep_forever()
    except trio.Cancelled:
        with trio.CancelScope(shield=True):
            await NEVER.get().wait()


async def sit():
    await trio.to_thread.run_sync(LET_GO.wait)


async def fail_in_a_nursery():
    async def fail():
        raise KeyError("of a task")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail)
        await trio.sleep_forever()


def policy(judge):
    return lambda: judge("bad")


@sender_policy("bad")
async def raising_sender(sender):
    if sender.local == "bad":
        raise KeyError("x")


@recipient_policy("bad")
def lying_recipient(transaction):
    return Status(550, "5.7.1", "No") if transaction.sender.local == "bad" else None


@relay_policy("bad")
def raising_relay(transaction):
    if transaction.sender.local == "bad":
        raise KeyError("x")
    return Accept("all")


@relay_policy("all")
def relay_all():
    return Accept("all")


class BadRules:
    """Rules of a session, bad in the way of their policy."""

    def __init__(self, way):
        self.way = way

    async def check_sender(self, transaction, sender):
        return None

    async def check_recipient(self, transaction, recipient):
        return None

    async def transaction_ended(self, transaction, outcome):
        if self.way == "end" and transaction.sender.local == "bad":
            raise KeyError("at the end")


def session_rules(way):
    class Policy:
        rules = BadRules

        @asynccontextmanager
        async def open(self, session):
            if way == "open" and session.hello == "bad.example":
                raise KeyError("x")
            yield BadRules(way)

    @plugin("policy", "bad")
    @asynccontextmanager
    async def opening():
        yield Policy()

    return opening


def delivering(act):
    class Rules:
        async def deliver(self, delivery):
            if b"Subject: bad" in delivery.content.read():
                await act(delivery)

    @plugin("delivery", "bad")
    @asynccontextmanager
    async def opening():
        yield Rules()

    return opening


async def file_and_raise(delivery):
    delivery.file("Elsewhere")
    await trio.lowlevel.checkpoint()
    raise KeyError("x")


async def file_and_hang(delivery):
    delivery.file("Elsewhere")
    await trio.sleep_forever()


async def refuse_with_250(delivery):
    delivery.reject(Status(250, "2.0.0", "Fine"))


def guarding(act):
    class Guard:
        async def check_append(self, record, account, mailbox, size_octets):
            if size_octets > 2000:
                return act()
            return None

    @plugin("guard", "bad")
    @asynccontextmanager
    async def opening():
        yield Guard()

    return opening


def fail_now():
    raise KeyError("x")


class Around:
    """Something real, but for what a row changes."""

    def __init__(self, real, **changed):
        self._real = real
        vars(self).update(changed)

    def __getattr__(self, name):
        return getattr(self._real, name)


def storing(change):
    """A store whose handles prepare what `change` makes of a real deposit."""

    class Store:
        def __init__(self, real):
            self.real = real
            self.accounts = real.accounts

        async def open(self, account, identity):
            handle = await self.real.open(account, identity)

            def prepare(append):
                deposit = handle.prepare(append)
                return change(deposit) if b"Subject: bad" in append.content.read() else deposit

            return Around(handle, prepare=prepare)

    @plugin("store", "bad")
    @asynccontextmanager
    async def opening(context):
        async with memory.open(memory.settings(), context) as real:
            yield Store(real)

    return opening


async def commit_never():
    with trio.CancelScope(shield=True):
        await NEVER.get().wait()


async def raise_trouble():
    raise StorageTrouble("down")


async def fail_async():
    raise KeyError("x")


class Opening:
    """A store that cannot open an account."""

    def __init__(self, real):
        self.accounts = real.accounts
        self.real = real
        self.left = 1

    async def open(self, account, identity):
        if self.left:
            self.left -= 1
            raise KeyError("x")
        return await self.real.open(account, identity)


@plugin("store", "bad")
@asynccontextmanager
async def not_opening(context):
    async with memory.open(memory.settings(), context) as real:
        yield Opening(real)


class BadQueue:
    """Takes nothing from bad senders."""

    def __init__(self, answer):
        self.answer = answer

    def prepare(self, envelope, content, *, key, origin, pending_stage=""):
        if envelope.sender.local == "bad":
            return self.answer()
        return Nothing()

    async def next_lease(self, *, skip=()):
        await trio.sleep_forever()

    async def entries(self, *, limit=1000, after=None):
        return ()

    async def remove(self, entry):
        return False


class Nothing:
    """A deposit of an engine that keeps nothing."""

    changes = ()

    async def place(self): ...
    async def commit(self): ...
    async def abort(self): ...


def queueing(answer):
    @plugin("queue", "bad")
    @asynccontextmanager
    async def opening():
        yield BadQueue(answer)

    return opening


def resolving(answer):
    class Directory:
        async def resolve(self, address):
            return answer() if address.local == "team" else UnknownAddress()

        async def account(self, account):
            return None

        async def owns(self, account, address):
            return False

        async def may_act_as(self, authcid, authzid):
            return None

    @plugin("account", "bad")
    @asynccontextmanager
    async def opening():
        yield Directory()

    return opening


@outgoing_filter("bad")
def raising_outgoing(envelope):
    if envelope.sender.local == "bad":
        raise KeyError("x")


FILTER = {"listener": {"mx": {"filters": ["bad"]}}, "filter": {"bad": {"type": "bad"}}}
HASTY = {
    "listener": {"mx": {"filters": ["bad"]}},
    "filter": {"bad": {"type": "bad", "deadline": "200ms"}},
}
POLICY = {"listener": {"mx": {"policies": ["bad"]}}, "policy": {"bad": {"type": "bad"}}}
RELAY = {"listener": {"mx": {"relay": ["bad"]}}, "relay": {"bad": {"type": "bad"}}}
DELIVERY = {
    "listener": {"mx": {"delivery": ["bad"]}},
    "delivery": {"bad": {"type": "bad", "deadline": "200ms"}},
}
GUARD = {"listener": {"mx": {"guards": ["bad"]}}, "guard": {"bad": {"type": "bad"}}}
STORE = {"store": {"main": {"type": "bad"}}}
ELSEWHERE = {"listener": {"mx": {"relay": ["all"]}}, "relay": {"all": {"type": "all"}}}
QUEUE = {**ELSEWHERE, "site": {"queue": "bad"}, "queue": {"bad": {"type": "bad"}}}
SPOOL = {"site": {"queue": "main"}, "queue": {"main": {"type": "spool"}}}
OUTGOING = {
    **ELSEWHERE,
    **SPOOL,
    "site": {"queue": "main", "outgoing": ["bad"]},
    "outgoing": {"bad": {"type": "bad"}},
}
ACCOUNT = {"site": {"accounts": ["main", "bad"]}, "account": {"bad": {"type": "bad"}}}
FOREIGN = "x@elsewhere.example"
LATE = "no answer within 0.2 s"

ROWS = [
    Row("raises", raising(KeyError("x")), "raised KeyError: 'x'", site=FILTER),
    Row("exits", raising(SystemExit(1)), "raised SystemExit", site=FILTER),
    Row("has no text", raising(Unreadable()), "whose text cannot be read", site=FILTER),
    Row("fails in a nursery", filtering(fail_in_a_nursery), "'of a task'", site=FILTER),
    Row(
        "raises a refusal for good",
        raising(PermanentFailure("no", Status(550, "5.7.1", "No"))),
        "a refusal for good is an answer",
        site=FILTER,
    ),
    Row("answers a number", filtering(42), "answered nonsense: 42", site=FILTER),
    Row("answers what cannot be shown", filtering(Unshowable()), "whose repr raises", site=FILTER),
    Row("rejects with 250", filtering(Reject("r", "No", 250)), "is not 5xx", site=FILTER),
    Row("defers with 550", filtering(Tempfail("t", "No", 550)), "is not 4xx", site=FILTER),
    Row("breaks the reply", filtering(Reject("r", "No\r\n250 Ok")), "control char", site=FILTER),
    Row(
        "breaks the header",
        filtering(Continue(edits=(InsertHeader("X-A", "b\r\nBcc: c"),))),
        "CR, LF or NUL in a header",
        site=FILTER,
    ),
    Row(
        "names nothing",
        filtering(Continue(edits=(InsertHeader("X A:", "b"),))),
        "not a field name",
        site=FILTER,
    ),
    Row("edits with text", filtering(Continue(edits=("X-A: b",))), "not an edit", site=FILTER),
    Row("edits with a number", filtering(Continue(edits=3)), "not a tuple but int", site=FILTER),
    Row(
        "adds a recipient as text",
        filtering(Continue(edits=(AddRecipient("bob@example.org"),))),
        "not an Address but str",
        site=FILTER,
    ),
    Row("hangs", filtering(hang), LATE, site=HASTY),
    Row("swallows its cancellation", filtering(swallow), LATE, site=HASTY),
    Row("sits in a thread", filtering(sit), LATE, site=HASTY),
    Row("a policy raises", raising_sender, "raised KeyError", site=POLICY),
    Row("a policy answers a status", lying_recipient, "answered nonsense: Status", site=POLICY),
    Row("rules of a session do not open", session_rules("open"), "KeyError: 'x'", site=POLICY),
    Row("a relay rule raises", raising_relay, "KeyError", site={**SPOOL, **RELAY}, whom=FOREIGN),
    Row("a delivery rule raises", delivering(file_and_raise), "KeyError", site=DELIVERY),
    Row("a delivery rule hangs", delivering(file_and_hang), LATE, site=DELIVERY),
    Row("a delivery rule refuses with 250", delivering(refuse_with_250), "4xx", site=DELIVERY),
    Row("a guard raises", guarding(fail_now), "raised KeyError", site=GUARD),
    Row("a guard answers", guarding(lambda: 3), "answered nonsense: 3", site=GUARD),
    Row("a store does not open", not_opening, "raised KeyError", site=STORE, by="store.main"),
    Row("a store raises", storing(lambda _: fail_now()), "KeyError", site=STORE, by="store.main"),
    Row("a store prepares nothing", storing(lambda _: None), "None: not a Deposit", site=STORE,
        by="store.main"),
    Row("a store lies about its changes", storing(lambda real: Around(real, changes=3)),
        "changes are a sequence", site=STORE, by="store.main"),
    Row("a store has changes that are none", storing(lambda real: Around(real, changes=("x",))),
        "'x': not a Change", site=STORE, by="store.main"),
    Row("a commit raises", storing(lambda real: Around(real, commit=fail_async, changes=())),
        "raised KeyError", site=STORE, by="store.main"),
    Row("a commit never returns",
        storing(lambda real: Around(real, commit=commit_never, changes=())),
        LATE, site=STORE, by="store.main"),
    Row("a store is in trouble", storing(lambda real: Around(real, place=raise_trouble)),
        "", site=STORE, by="store.main"),
    Row("a queue raises", queueing(fail_now), "KeyError", site=QUEUE, whom=FOREIGN),
    Row("a queue prepares nothing", queueing(lambda: 3), "3: not a Deposit", site=QUEUE,
        whom=FOREIGN),
    Row("a directory raises", resolving(fail_now), "KeyError", site=ACCOUNT,
        whom="team@example.net"),
    Row("a directory answers text", resolving(lambda: "alice"), "answered nonsense: 'alice'",
        site=ACCOUNT, whom="team@example.net"),
    # What cannot be decided about mail for elsewhere is asked again before its first attempt.
    Row("an outgoing filter raises", raising_outgoing, "KeyError", hears=250, site=OUTGOING,
        whom=FOREIGN),
]  # fmt: skip


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


def merged(below, above):
    """Tables laid over tables."""
    if isinstance(below, dict) and isinstance(above, dict):
        keys = {**below, **above}
        return {k: merged(below.get(k), above[k]) if k in above else below[k] for k in keys}
    return above


@pytest.fixture
def opened(tmp_path):
    """A site with one plugin; its server, a peer, and what the plugins' events said."""

    @asynccontextmanager
    async def one(site, *plugins):
        (tmp_path / "accounts.toml").write_text(ACCOUNTS)
        (tmp_path / "accounts.toml").chmod(0o600)
        tables = {
            "site": {
                "hostname": "mx.example",
                "accounts": ["main"],
                "store": "main",
                "state": "main",
            },
            "state": {"main": {"type": "memory"}},
            "account": {"main": {"type": "file", "file": "accounts.toml"}},
            "store": {"main": {"type": "memory"}},
            "listener": {"mx": {"type": "smtp", "profile": "mx", "bind": ["127.0.0.1:0"]}},
        }
        NEVER.set(trio.Event())
        async with open_server(merged(tables, site), tmp_path, plugins=plugins) as server:
            failures = []
            server.site.events.subscribe(failures.append)
            try:
                with trio.fail_after(30):
                    yield server, failures
            finally:
                LET_GO.set()
                NEVER.get().set()

    LET_GO.clear()
    return one


@asynccontextmanager
async def connected(server):
    """A peer that has been greeted."""
    async with await trio.open_tcp_stream("127.0.0.1", server.port("mx")) as stream:
        peer = Peer(stream)
        assert (await peer.reply())[0] == 220
        yield peer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_the_peer_hears_451_the_log_names_it_and_the_next_message_passes(
    opened, monkeypatch, row
):
    monkeypatch.setattr("thurn.delivery.deposits.COMMIT_SECONDS", 0.2)
    monkeypatch.setattr("thurn.chain.calls.UNWIND_SECONDS", 0.1)
    plugins = [row.make, relay_all] if "all" in row.site.get("relay", {}) else [row.make]
    async with opened(row.site, *plugins) as (server, failures):
        async with connected(server) as peer:
            hello = "bad.example" if "session" in row.name else "c.example"
            assert await peer.send("bad", row.whom, hello) == row.hears
            expect_named(row, failures)
            whom = row.whom if row.whom == FOREIGN else "alice@example.org"
            if "session" not in row.name:
                await peer.say("RSET")
                assert await peer.send("good", whom) == 250
        async with connected(server) as peer:
            assert await peer.send("good", whom) == 250


def expect_named(row, events):
    """The log says what went wrong, of whom, and where."""
    failures = [event for event in events if hasattr(event, "failure")]
    if not row.told:
        assert failures == []
        return
    assert {one.instance for one in failures} == {row.by or f"{row.make.role}.bad"}
    assert all(":" in one.source and ".py" in one.source for one in failures)
    assert any(row.told in one.failure for one in failures), failures


async def test_rules_of_a_session_that_fail_at_an_end_are_its_451(opened):
    async with opened(POLICY, session_rules("end")) as (server, failures):
        async with connected(server) as peer:
            assert await peer.send("bad", "alice@example.org") == 250  # it has its answer
            assert await peer.send("good", "alice@example.org") == 451
            assert {failure.instance for failure in failures if hasattr(failure, "failure")} == {
                "policy.bad"
            }
        async with connected(server) as peer:
            assert await peer.send("good", "alice@example.org") == 250


@pytest.mark.parametrize("act", [hang, swallow, sit])
async def test_a_directory_that_does_not_answer_costs_a_connection_and_then_451(
    opened, monkeypatch, act
):
    """What is asked for each message is called in its session as long as it behaves."""
    monkeypatch.setattr("thurn.directory.combined.ACCOUNT_SECONDS", 0.2)
    monkeypatch.setattr("thurn.chain.calls.UNWIND_SECONDS", 0.1)

    class Directory:
        async def resolve(self, address):
            if address.local == "team":
                await act()
            return UnknownAddress()

        async def account(self, account):
            return None

        async def owns(self, account, address):
            return False

        async def may_act_as(self, authcid, authzid):
            return None

    @plugin("account", "bad")
    @asynccontextmanager
    async def opening():
        yield Directory()

    async with opened(ACCOUNT, opening) as (server, failures):
        async with connected(server) as peer:
            assert await peer.send("bad", "team@example.net") == 421
            assert await peer.reply() == (0, "")
        async with connected(server) as peer:
            assert await peer.send("bad", "team@example.net") == 451
            await peer.say("RSET")
            assert await peer.send("good", "alice@example.org") == 250
        own = [failure for failure in failures if hasattr(failure, "failure")]
        assert {(one.instance, one.failure) for one in own} == {("account.bad", LATE)}


async def test_a_repeat_of_a_late_commit_is_not_stored_twice(opened, monkeypatch):
    """The peer hears 451 twice while the commit hangs, and 250 for what was stored meanwhile."""
    monkeypatch.setattr("thurn.delivery.deposits.COMMIT_SECONDS", 0.2)
    monkeypatch.setattr("thurn.chain.calls.UNWIND_SECONDS", 0.1)
    let_go, stored = trio.Event(), trio.Event()
    commits = []

    def late(real):
        async def commit():
            commits.append(None)
            with trio.CancelScope(shield=True):
                await let_go.wait()
                for change in real.changes:
                    await server.site.commit_log.commit([change])
            stored.set()

        return Around(real, commit=commit, changes=())

    async with opened(STORE, storing(late)) as (server, _), connected(server) as peer:
        assert await peer.send("bad", "alice@example.org") == 451
        assert await peer.send("bad", "alice@example.org") == 451
        let_go.set()
        await stored.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert await peer.send("bad", "alice@example.org") == 250
        assert len(commits) == 1
        box = await (await server.open_account("alice")).mailbox("INBOX")
        assert len((await box.view()).uids) == 1
        reasons = [record.get("reason") for record in server.journal()]
        assert reasons == [None, None, "commit.late"]


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

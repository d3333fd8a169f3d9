"""Plugins that misbehave when the message says "bad" (its sender or its subject), and behave else.

Rules of this file: each function makes one plugin; `Peer.send` says what makes a message "bad".
"""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager

import trio
import trio.testing
from thurn.plugin import (
    Accept,
    Status,
    StorageTrouble,
    UnknownAddress,
    message_filter,
    outgoing_filter,
    plugin,
    recipient_policy,
    relay_policy,
    sender_policy,
)
from thurn_store_memory.factory import memory

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

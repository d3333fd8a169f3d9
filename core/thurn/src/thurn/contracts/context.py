"""What the host gives to a plugin when it opens, for as long as it is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from thurn.contracts.account import Directory
from thurn.contracts.clock import Clock
from thurn.contracts.commitlog import CommitLog
from thurn.contracts.gate import Gate
from thurn.contracts.ledger import Ledger
from thurn.contracts.mailflow import Mailflow
from thurn.contracts.resolver import Resolver
from thurn.contracts.state import State
from thurn.contracts.store import AccountHandle
from thurn.types.content import Content
from thurn.types.envelope import Envelope
from thurn.types.events import Event
from thurn.types.identity import AccountId, Identity

P = TypeVar("P")

RENAMED: Final = {"log": "commit_log", "journal": "diagnostics"}
"""Attributes of a context that API 2 has renamed: the old name and the new one."""


def missing_attribute(owner: str, name: str) -> str:
    """The text of the AttributeError for a name that a context does not have."""
    new = RENAMED.get(name)
    hint = f"; since API 2 it is called {new!r}" if new else ""
    return f"{owner} has no attribute {name!r}{hint}"


class Diagnostics(Protocol):
    """The operator's log. Each call writes an event (lower-case `noun.verb`) with facts."""

    def debug(self, event: str, /, **facts: object) -> None:
        """Detail; off by default."""

    def info(self, event: str, /, **facts: object) -> None:
        """Something an operator may want to know."""

    def warning(self, event: str, /, **facts: object) -> None:
        """Something an operator should look at."""

    def error(self, event: str, /, **facts: object) -> None:
        """Something that does not work."""


class Events(Protocol):
    """Where events are emitted."""

    def emit(self, event: Event) -> None:
        """Pass the event on to its subscribers; never blocks, never raises."""


class Context(Protocol):
    """Everything that a plugin may use of the host."""

    @property
    def name(self) -> str:
        """The instance's full name, `<role>.<instance>`, such as "filter.words"."""

    @property
    def hostname(self) -> str:
        """The site's name in greetings and trace fields."""

    @property
    def serving(self) -> bool:
        """Whether this process serves. False in the process of a command, in which questions must
        leave no traces (no grants, no counters)."""

    @property
    def data(self) -> Path:
        """This instance's own directory below the site's data directory; created at first use."""

    @property
    def commit_log(self) -> CommitLog:
        """The worker's commit log."""

    @property
    def diagnostics(self) -> Diagnostics:
        """The operator's log; each line names this instance."""

    @property
    def state(self) -> State:
        """Small shared state: tables and notices."""

    @property
    def clock(self) -> Clock:
        """Time."""

    @property
    def events(self) -> Events:
        """Where to emit events."""

    @property
    def resolver(self) -> Resolver:
        """The DNS, by the site's resolver (`[site] resolver`)."""

    @property
    def directory(self) -> Directory:
        """All account instances of the site as one directory."""

    @property
    def ledger(self) -> Ledger:
        """The worker's memory and the site's disk; asked before a peer's octets are taken."""

    def require(self, contract: type[P], role: str, instance: str) -> P:
        """The opened instance that a `Ref` field of this plugin's settings names."""

    def source(self, *key: str) -> str:
        """`file:line` of a key of this instance's section; without a key, of the section."""

    async def submit(self, envelope: Envelope, content: Content) -> None:
        """Send a message that a plugin has made, such as a notice: it is durable on return, and it
        is filed or queued like any other, without being judged by policies and filters."""


class ListenerContext(Context, Protocol):
    """What a listener gets in addition: login, mail flow and mailboxes."""

    @property
    def gate(self) -> Gate:
        """Login, with this listener's mechanisms, accounts and login policies."""

    @property
    def mailflow(self) -> Mailflow:
        """Receiving, with this listener's chains. Raises ConfigError if the listener does not
        receive mail."""

    async def open_account(self, account: AccountId, identity: Identity) -> AccountHandle:
        """The account's mailboxes in its store, with the rights of this identity."""


class SiteContext(Context, Protocol):
    """What a service of scope "site" gets in addition."""

    def instances(self, role: str) -> Sequence[tuple[str, Any]]:
        """The opened instances of a role, with their names."""

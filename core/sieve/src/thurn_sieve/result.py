"""What a run wants done: actions as values, in order, without any effect yet.

An action knows what it stands beside badly (`excludes`), when it is the same as another (`key`),
whether it replaces the implicit keep, and which method of the executor carries it out. A third
party's action is a subclass whose `perform` calls a method that its executor has.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from thurn_sieve.errors import Fault, RunError
from thurn_sieve.limits import Limits

if TYPE_CHECKING:
    from thurn_sieve.context import Context

DELIVERS: Final = frozenset({"keep", "store", "redirect"})
INBOX: Final = "INBOX"


class Executor(Protocol):
    """What carries actions out; one method for each kind. Any exception stops `perform`."""

    async def keep(self, action: Keep) -> None:
        """Store `action.message` in INBOX with `action.flags`."""

    async def store(self, action: Store) -> None:
        """Store `action.message` in `action.mailbox`."""

    async def redirect(self, action: Redirect) -> bool | None:
        """Send `action.message` on to `action.address`; loops end here (RFC 5228 §10).

        False: ignored by policy; then the implicit keep is not cancelled (RFC 5228 §4.2).
        """

    async def discard(self, action: Discard) -> None:
        """Nothing is stored; for the journal."""

    async def reject(self, action: Reject) -> bool:
        """Refuse in the protocol; False: impossible, the engine sends a report instead."""

    async def send(
        self, envelope_from: str | None, recipients: Sequence[str], message: bytes
    ) -> None:
        """Send a message that the engine made; None is the null reverse-path."""

    async def notify(self, action: Action) -> None:
        """Notify by a method. RFC 5435."""

    async def mark_duplicate(self, key: str, seconds: int, *, last: bool) -> None:
        """Remember the key; `last`: the time starts anew. RFC 7352."""

    async def mark_vacation(self, key: str, seconds: int) -> bool | None:
        """Remember that this sender got this answer. RFC 5230.

        False: another one has done so meanwhile; then nothing is sent.
        """


@dataclass(slots=True, kw_only=True)
class Action:
    """Something to be done.

    Attributes:
        message: as it was when the script asked.
        line: where it asked.
        executed: whether `perform` has done it.
        ignored: whether policy has left it undone: it cancels no keep.
    """

    name: ClassVar[str] = ""
    excludes: ClassVar[frozenset[str]] = frozenset()
    """Names of actions that may not stand in the same result; its own name: only once."""

    message: bytes = field(default=b"", repr=False)
    line: int = 0
    executed: bool = False
    ignored: bool = field(default=False, repr=False)

    @property
    def cancels_keep(self) -> bool:
        """Whether the implicit keep is off with it."""
        return False

    def key(self) -> Hashable:
        """Two actions with one key are one (`merge`); None: each counts."""
        return None

    def merge(self, other: Action) -> None:
        """Take over from an equal action that came later."""

    async def perform(self, executor: Executor, context: Context) -> None:
        """Carry it out."""
        raise NotImplementedError


@dataclass(slots=True, kw_only=True)
class Keep(Action):
    """`keep`, and the implicit one. RFC 5228 §4.3."""

    name: ClassVar[str] = "keep"
    flags: list[str] = field(default_factory=list)
    implicit: bool = False

    @property
    def cancels_keep(self) -> bool:
        """It stands in its place."""
        return True

    def key(self) -> Hashable:
        """One with fileinto "INBOX"."""
        return ("store", INBOX, self.message)

    def merge(self, other: Action) -> None:
        """Flags are joined."""
        self.flags += [flag for flag in getattr(other, "flags", ()) if flag not in self.flags]

    async def perform(self, executor: Executor, context: Context) -> None:
        """By `Executor.keep`."""
        await executor.keep(self)


@dataclass(slots=True, kw_only=True)
class Store(Action):
    """`fileinto`. RFC 5228 §4.1.

    Attributes:
        mailbox: the name as the script has it.
        flags: RFC 5232.
        create: make it if it isn't there (`:create`, RFC 5490); the executor may do so anyway.
        special_use: RFC 8579.
        mailboxid: RFC 9042.
        copy: the implicit keep stays (RFC 3894).
    """

    name: ClassVar[str] = "store"
    mailbox: str
    flags: list[str] = field(default_factory=list)
    create: bool = False
    special_use: str | None = None
    mailboxid: str | None = None
    copy: bool = False

    @property
    def cancels_keep(self) -> bool:
        """Without `:copy`."""
        return not self.copy

    def key(self) -> Hashable:
        """A message is stored once in a mailbox. RFC 5228 §2.10.3."""
        name = INBOX if self.mailbox.upper() == INBOX else self.mailbox
        if self.special_use or self.mailboxid:
            return ("store", name, self.message, self.special_use, self.mailboxid)
        return ("store", name, self.message)

    def merge(self, other: Action) -> None:
        """Flags are joined, `:create` and the missing `:copy` of either count."""
        self.flags += [flag for flag in getattr(other, "flags", ()) if flag not in self.flags]
        self.create = self.create or getattr(other, "create", False)
        self.copy = self.copy and getattr(other, "copy", False)

    async def perform(self, executor: Executor, context: Context) -> None:
        """By `Executor.store`."""
        await executor.store(self)


@dataclass(slots=True, kw_only=True)
class Redirect(Action):
    """`redirect`. RFC 5228 §4.2.

    Attributes:
        address: in normal form.
        copy: the implicit keep stays (RFC 3894).
        notify: DSN NOTIFY (RFC 6009).
        ret: DSN RET (RFC 6009).
        parameters: other parameters of MAIL and RCPT.
    """

    name: ClassVar[str] = "redirect"
    address: str
    copy: bool = False
    notify: str | None = None
    ret: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def cancels_keep(self) -> bool:
        """Without `:copy`."""
        return not self.copy

    def key(self) -> Hashable:
        """Once to an address. RFC 5228 §2.10.3."""
        return ("redirect", self.address.lower(), self.message)

    def merge(self, other: Action) -> None:
        """The missing `:copy` of either counts."""
        self.copy = self.copy and getattr(other, "copy", False)

    async def perform(self, executor: Executor, context: Context) -> None:
        """By `Executor.redirect`."""
        self.ignored = await executor.redirect(self) is False


@dataclass(slots=True, kw_only=True)
class Discard(Action):
    """`discard`: only that the implicit keep is off. RFC 5228 §4.4."""

    name: ClassVar[str] = "discard"

    @property
    def cancels_keep(self) -> bool:
        """That is all that it does."""
        return True

    def key(self) -> Hashable:
        """Once is enough."""
        return ("discard",)

    async def perform(self, executor: Executor, context: Context) -> None:
        """By `Executor.discard`."""
        await executor.discard(self)


@dataclass(slots=True, kw_only=True)
class Reject(Action):
    """`reject`. RFC 5429.

    Attributes:
        reason: text for the sender, CRLF between lines.
        report: makes the whole report that is sent where the protocol can't refuse.
    """

    name: ClassVar[str] = "reject"
    # RFC 5429 §2.4: once; never with vacation; not with what delivers.
    excludes: ClassVar[frozenset[str]] = DELIVERS | {"reject", "ereject", "vacation"}
    reason: str
    report: Callable[[Context, str], bytes] = field(repr=False)

    @property
    def cancels_keep(self) -> bool:
        """RFC 5429 §2.4."""
        return True

    async def perform(self, executor: Executor, context: Context) -> None:
        """By `Executor.reject`, else a report to the sender unless that is the null path."""
        refused = await executor.reject(self)
        # RFC 5429 §2.1.2, §2.2.1: no report to the null path.
        if not refused and context.envelope.sender:
            await executor.send(None, [context.envelope.sender], self.report(context, self.reason))


@dataclass(slots=True, kw_only=True)
class EReject(Reject):
    """`ereject`: refusal in the protocol is preferred to the exact text. RFC 5429 §2.1."""

    name: ClassVar[str] = "ereject"


class Result:
    """The outcome of one run, or of several that belong together.

    Attributes:
        actions: in the order asked for; live while running.
        keep: whether the implicit keep is in force.
        flags: the internal variable. RFC 5232 §2.
        errors, warnings: of the runs.
        trace: lines (number, text) when asked for, else None.
        message: as edited by the runs.
        context: of the last run.
        implicit: the implicit keep as the end of the last run left it, with its flags.
    """

    def __init__(self, *, limits: Limits | None = None, trace: bool = False) -> None:
        self.limits = limits or Limits()
        self.actions: list[Action] = []
        self.keep = True
        self.flags: list[str] = []
        self.implicit: Keep | None = None
        self.errors: list[Fault] = []
        self.warnings: list[Fault] = []
        self.trace: list[tuple[int, str]] | None = [] if trace else None
        self.message: bytes = b""
        self.context: Context | None = None

    def add(self, action: Action) -> Action:
        """Record an action; an equal one that is there already takes it in.

        Returns:
            The action that is in the list now.

        Raises:
            RunError: it stands beside another badly, or there are too many.
        """
        key = action.key()
        for other in self.actions:
            if key is not None and other.key() == key:
                if not other.executed:  # what is done is done
                    other.merge(action)
                self._cancel_keep(other)
                return other
            if action.name in other.excludes or other.name in action.excludes:
                raise RunError(f"{action.name} does not go with {other.name}", "conflict")
        self._judge_number(action)
        self.actions.append(action)
        self._cancel_keep(action)
        return action

    def _cancel_keep(self, action: Action) -> None:
        if action.cancels_keep:
            self.keep = False

    def _judge_number(self, action: Action) -> None:
        limits = self.limits
        # RFC 5228 §10: a script must not become a mail exploder.
        if isinstance(action, Redirect):
            count = sum(isinstance(other, Redirect) for other in self.actions)
            if count >= limits.redirects:
                raise RunError(f"more than {limits.redirects} redirects", "too-many-redirects")
        if len(self.actions) >= limits.actions:
            raise RunError(f"more than {limits.actions} actions", "too-many-actions")

    def named(self, name: str) -> list[Any]:
        """The actions of that name."""
        return [action for action in self.actions if action.name == name]


@dataclass(slots=True)
class Performed:
    """What `perform` did.

    Attributes:
        executed: in order, the implicit keep last.
        failed: the action that failed, or None.
        error: why.
        kept: whether the implicit keep was carried out.
    """

    executed: list[Action] = field(default_factory=list)
    failed: Action | None = None
    error: Exception | None = None
    kept: bool = False

    @property
    def ok(self) -> bool:
        """Whether all is done."""
        return self.failed is None

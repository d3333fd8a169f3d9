"""The result of a run: the actions that the script asks for, in order, before any is carried out.

An action knows the actions that it conflicts with (`excludes`), which other action it equals
(`key`), whether it cancels the implicit keep, and which method of the executor carries it out. An
action of a third party is a subclass; its `perform` calls a method that its executor has.
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
"""Names of the actions that deliver the message somewhere; a refusal conflicts with them."""
INBOX: Final = "INBOX"
"""The mailbox of `keep`; its name is equal in any case (RFC 9051 §5.1)."""


class Executor(Protocol):
    """Carries actions out, with one method for each kind of action.

    Any exception stops `perform`, which reports it; a class with `propagate = True` passes out.
    """

    async def keep(self, action: Keep) -> None:
        """Store `action.message` in INBOX with `action.flags`."""

    async def store(self, action: Store) -> None:
        """Store `action.message` in `action.mailbox`."""

    async def redirect(self, action: Redirect) -> bool | None:
        """Send `action.message` on to `action.address`, unless that makes a loop (RFC 5228 §10).

        Returns:
            False if policy ignores the action; the implicit keep is not cancelled then (RFC 5228
            §4.2).
        """

    async def discard(self, action: Discard) -> None:
        """Record that the message is discarded; nothing is stored."""

    async def reject(self, action: Reject) -> bool:
        """Refuse the message in the protocol.

        Returns:
            False if the protocol cannot refuse it; the engine sends a report then.
        """

    async def send(
        self, envelope_from: str | None, recipients: Sequence[str], message: bytes
    ) -> None:
        """Send a message that the engine made; an `envelope_from` of None is the null path."""

    async def notify(self, action: Action) -> None:
        """Send a notification by a method of RFC 5435."""

    async def mark_duplicate(self, key: str, seconds: int, *, last: bool) -> None:
        """Remember the key for so many seconds; `last` restarts a time that runs. RFC 7352."""

    async def mark_vacation(self, key: str, seconds: int) -> bool | None:
        """Remember for so many seconds that this sender got this answer. RFC 5230.

        Returns:
            False if the sender got it from another message meanwhile; nothing is sent then.
        """


@dataclass(slots=True, kw_only=True)
class Action:
    """One action of a result.

    Attributes:
        name: the name of the kind of action.
        excludes: names of the actions that must not be in the same result. Its own name is among
            them if it may be there only once.
        message: the message as it was when the script asked for the action.
        line: the line of the script that asked for it; 0 if none did.
        executed: whether `perform` has carried it out.
        ignored: whether the executor has ignored it by policy; it does not cancel the keep then.
    """

    name: ClassVar[str] = ""
    excludes: ClassVar[frozenset[str]] = frozenset()

    message: bytes = field(default=b"", repr=False)
    line: int = 0
    executed: bool = False
    ignored: bool = field(default=False, repr=False)

    @property
    def cancels_keep(self) -> bool:
        """Whether it cancels the implicit keep."""
        return False

    def key(self) -> Hashable:
        """The key that equal actions share; they become one action (see `merge`).

        None: it equals no other action.
        """
        return None

    def merge(self, other: Action) -> None:
        """Take over the attributes of an equal action that the script asked for later."""

    async def perform(self, executor: Executor, context: Context) -> None:
        """Carry it out with a method of the executor."""
        raise NotImplementedError


@dataclass(slots=True, kw_only=True)
class Keep(Action):
    """`keep`, and the implicit keep. RFC 5228 §4.3.

    Attributes:
        flags: the flags of the stored message (RFC 5232).
        implicit: whether it is the implicit keep.
    """

    name: ClassVar[str] = "keep"
    flags: list[str] = field(default_factory=list)
    implicit: bool = False

    @property
    def cancels_keep(self) -> bool:
        """An explicit keep takes the place of the implicit one."""
        return True

    def key(self) -> Hashable:
        """The same key as `fileinto "INBOX"` has."""
        return ("store", INBOX, self.message)

    def merge(self, other: Action) -> None:
        """Add the other action's flags."""
        self.flags += [flag for flag in getattr(other, "flags", ()) if flag not in self.flags]

    async def perform(self, executor: Executor, context: Context) -> None:
        """Call `Executor.keep`."""
        await executor.keep(self)


@dataclass(slots=True, kw_only=True)
class Store(Action):
    """`fileinto`. RFC 5228 §4.1.

    Attributes:
        mailbox: the name of the mailbox as the script has it.
        flags: the flags of the stored message (RFC 5232).
        create: whether to create a missing mailbox (`:create`, RFC 5490); the executor may always
            do so.
        special_use: the special use of the wanted mailbox (RFC 8579), or None.
        mailboxid: the id of the wanted mailbox (RFC 9042), or None.
        copy: whether the implicit keep stays in force (RFC 3894).
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
        """It cancels the implicit keep unless it has `:copy`."""
        return not self.copy

    def key(self) -> Hashable:
        """One key for each mailbox and version of the message. RFC 5228 §2.10.3."""
        name = INBOX if self.mailbox.upper() == INBOX else self.mailbox
        if self.special_use or self.mailboxid:
            return ("store", name, self.message, self.special_use, self.mailboxid)
        return ("store", name, self.message)

    def merge(self, other: Action) -> None:
        """Add the other action's flags; create if either does, and keep only if both do."""
        self.flags += [flag for flag in getattr(other, "flags", ()) if flag not in self.flags]
        self.create = self.create or getattr(other, "create", False)
        self.copy = self.copy and getattr(other, "copy", False)

    async def perform(self, executor: Executor, context: Context) -> None:
        """Call `Executor.store`."""
        await executor.store(self)


@dataclass(slots=True, kw_only=True)
class Redirect(Action):
    """`redirect`. RFC 5228 §4.2.

    Attributes:
        address: the address in its normal form.
        copy: whether the implicit keep stays in force (RFC 3894).
        notify: the DSN parameter NOTIFY (RFC 6009), or None.
        ret: the DSN parameter RET (RFC 6009), or None.
        parameters: other parameters of MAIL and RCPT, by name.
    """

    name: ClassVar[str] = "redirect"
    address: str
    copy: bool = False
    notify: str | None = None
    ret: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def cancels_keep(self) -> bool:
        """It cancels the implicit keep unless it has `:copy`."""
        return not self.copy

    def key(self) -> Hashable:
        """One key for each address and version of the message. RFC 5228 §2.10.3."""
        return ("redirect", self.address.lower(), self.message)

    def merge(self, other: Action) -> None:
        """Let the implicit keep stay in force only if both have `:copy`."""
        self.copy = self.copy and getattr(other, "copy", False)

    async def perform(self, executor: Executor, context: Context) -> None:
        """Call `Executor.redirect`."""
        self.ignored = await executor.redirect(self) is False


@dataclass(slots=True, kw_only=True)
class Discard(Action):
    """`discard`: cancels the implicit keep and does nothing else. RFC 5228 §4.4."""

    name: ClassVar[str] = "discard"

    @property
    def cancels_keep(self) -> bool:
        """It always cancels the implicit keep."""
        return True

    def key(self) -> Hashable:
        """The same key for every discard."""
        return ("discard",)

    async def perform(self, executor: Executor, context: Context) -> None:
        """Call `Executor.discard`."""
        await executor.discard(self)


@dataclass(slots=True, kw_only=True)
class Reject(Action):
    """`reject`. RFC 5429.

    Attributes:
        reason: the text for the sender, with CRLF between its lines.
        report: `(context, reason) -> octets`, makes the report that is sent where the protocol
            cannot refuse the message.
    """

    name: ClassVar[str] = "reject"
    # RFC 5429 §2.4: once, not with vacation, and not with an action that delivers the message.
    excludes: ClassVar[frozenset[str]] = DELIVERS | {"reject", "ereject", "vacation"}
    reason: str
    report: Callable[[Context, str], bytes] = field(repr=False)

    @property
    def cancels_keep(self) -> bool:
        """It always cancels the implicit keep. RFC 5429 §2.4."""
        return True

    async def perform(self, executor: Executor, context: Context) -> None:
        """Call `Executor.reject`; if it cannot refuse, send a report unless the path is null."""
        refused = await executor.reject(self)
        # RFC 5429 §2.1.2, §2.2.1: no report to the null path.
        if not refused and context.envelope.sender:
            await executor.send(None, [context.envelope.sender], self.report(context, self.reason))


@dataclass(slots=True, kw_only=True)
class EReject(Reject):
    """`ereject`: a refusal in the protocol is better than the exact text. RFC 5429 §2.1."""

    name: ClassVar[str] = "ereject"


class Result:
    """The outcome of one run, or of several runs that belong together.

    Attributes:
        limits: the bounds on its actions.
        actions: the actions in the order of the script; extensions may change them while it runs.
        keep: whether the implicit keep is in force.
        flags: the flags of the internal variable. RFC 5232 §2.
        errors: the run-time errors of the runs.
        warnings: the warnings of the runs.
        trace: the lines of the trace as (number of the script's line, text); None if no trace was
            asked for.
        message: the message as the runs have edited it.
        context: the context of the last run; None before the first.
        implicit: the implicit keep with its flags, as the last run left it; None before the first
            run.
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
        """Record an action, or merge it into an equal action that is in the result already.

        Returns:
            The action that is in the result.

        Raises:
            RunError: it conflicts with another action, or there are too many.
        """
        key = action.key()
        for other in self.actions:
            if key is not None and other.key() == key:
                if not other.executed:  # an executed action can no longer change
                    other.merge(action)
                self._cancel_keep(other)
                return other
            if action.name in other.excludes or other.name in action.excludes:
                raise RunError(f"{action.name} is not allowed with {other.name}", "conflict")
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
                message = f"the script asks for more than {limits.redirects} redirects"
                raise RunError(message, "too-many-redirects")
        if len(self.actions) >= limits.actions:
            message = f"the script asks for more than {limits.actions} actions"
            raise RunError(message, "too-many-actions")

    def named(self, name: str) -> list[Any]:
        """The actions of that name."""
        return [action for action in self.actions if action.name == name]


@dataclass(slots=True)
class Performed:
    """What `perform` did.

    Attributes:
        executed: the actions that it carried out, in order; an implicit keep is the last.
        failed: the action that failed, or None.
        error: the exception of that action, or None.
        kept: whether the implicit keep was carried out.
    """

    executed: list[Action] = field(default_factory=list)
    failed: Action | None = None
    error: Exception | None = None
    kept: bool = False

    @property
    def ok(self) -> bool:
        """Whether no action failed."""
        return self.failed is None

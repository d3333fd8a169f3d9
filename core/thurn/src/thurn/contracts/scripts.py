"""Scripts of accounts: what ManageSieve, IMAP and the web use, so that they need not know a
language.

A delivery filter whose accounts have scripts has `SupportsScripts`. A plugin that manages them
names the filter's instance by a `Ref("delivery")`, opens the account as for its mailboxes, and
asks:

    keeper = context.require(SupportsScripts, "delivery", config.scripts)
    scripts = keeper.scripts(await context.open_account(account, identity))
    stored = await scripts.put("main", source)

At most one script of an account is active: it runs at each delivery (RFC 5804 §1.4). Besides the
errors of this file, the StorageErrors of the account's store pass through: `LimitReached`,
`TooLarge`, `OverQuota`, `NotPermitted` and its failures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from thurn.contracts.store import AccountHandle
from thurn.types.errors import ThurnError


@dataclass(frozen=True, slots=True)
class ScriptDiagnostic:
    """One remark on a script.

    Attributes:
        message: a text for people; the wording may change.
        line: the line, counted from 1.
        column: the character in the line, counted from 1.
        severity: an "error" keeps the script from being stored.
        code: a stable word, lower case with hyphens ("unknown-command").
    """

    message: str
    line: int
    column: int
    severity: Literal["error", "warning"] = "error"
    code: str = "error"

    def __str__(self) -> str:
        """`line 3, column 5: error: unknown command "foo"`."""
        return f"line {self.line}, column {self.column}: {self.severity}: {self.message}"


@dataclass(frozen=True, slots=True)
class ScriptRecord:
    """What a list needs to know about a script, or about one of its versions.

    Attributes:
        version: counts from 1; every change of the text makes the next one.
        changed_at: POSIX seconds.
    """

    name: str
    version: int
    active: bool
    size_octets: int
    changed_at: float


@dataclass(frozen=True, slots=True)
class StoredScript:
    """What `AccountScripts.put` has stored."""

    record: ScriptRecord
    warnings: tuple[ScriptDiagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class ScriptCapabilities:
    """What scripts of accounts may do, for the capabilities of a protocol. RFC 5804 §1.7.

    Attributes:
        language: the language's name ("sieve").
        extensions: what a script may require, in order.
        notify_methods: URI schemes of notifications.
        redirects: most redirects of one message.
        size_octets: most octets of a script.
        name_characters: most characters of a name.
    """

    language: str
    extensions: tuple[str, ...] = ()
    notify_methods: tuple[str, ...] = ()
    redirects: int = 0
    size_octets: int = 0
    name_characters: int = 128


@dataclass(frozen=True, slots=True)
class TracedAction:
    """What a script would have done with a message.

    Attributes:
        line: the command's line; 0: no command asked for it.
        arguments: the action's arguments by name, such as the mailbox or the address.
    """

    name: str
    line: int
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ScriptTrace:
    """A run of a script without effects.

    Attributes:
        actions: what would have been done, in order; after an error the message is kept.
        steps: line and text of each test and command on the way.
        errors: why the run ended early, each with its line.
    """

    actions: tuple[TracedAction, ...]
    steps: tuple[tuple[int, str], ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class ScriptError(ThurnError):
    """The base of all errors of the management of scripts; the set is closed. Each protocol has one
    table from these to its replies."""


class ScriptRefused(ScriptError):
    """The text has errors; nothing was stored.

    Attributes:
        diagnostics: errors and warnings in the order of the text, at least one error.
    """

    def __init__(self, diagnostics: Sequence[ScriptDiagnostic]) -> None:
        super().__init__("; ".join(map(str, diagnostics)))
        self.diagnostics = tuple(diagnostics)


class ScriptNameRefused(ScriptError):
    """The name cannot be used: it is empty or too long, or has control characters. RFC 5804
    §1.6."""


class ScriptNotFound(ScriptError):
    """The account has no script of this name, or no active one. RFC 5804 §1.3 NONEXISTENT."""


class ScriptExists(ScriptError):
    """Another script has the name already. RFC 5804 §1.3 ALREADYEXISTS."""


class ScriptActive(ScriptError):
    """The active script cannot be deleted. RFC 5804 §1.3 ACTIVE, §2.10."""


class AccountScripts(Protocol):
    """The scripts of one account. A change is durable when its call returns.

    Cancellation of any change: all of it is done or nothing.
    """

    @property
    def capabilities(self) -> ScriptCapabilities:
        """What the account's scripts may do."""

    async def check(self, source: bytes, name: str = "") -> Sequence[ScriptDiagnostic]:
        """What is wrong or doubtful about a text, as a delivery would see it; stores nothing."""

    async def list(self) -> Sequence[ScriptRecord]:
        """All scripts, in name order."""

    async def get(self, name: str | None = None, *, version: int | None = None) -> bytes:
        """The text of a script.

        Args:
            name: the script's name; None: the active one.
            version: its version; None: the newest.

        Raises:
            ScriptNotFound: there is no such script or version.
        """

    async def history(self, name: str) -> Sequence[ScriptRecord]:
        """All versions of a script, oldest first. Raises ScriptNotFound."""

    async def put(self, name: str, source: bytes, *, activate: bool = False) -> StoredScript:
        """Store a text as the newest version of a script, which is created if it is missing.

        Args:
            name: the script's name.
            source: its text.
            activate: make it the active script; otherwise the active script stays as it is.

        Raises:
            ScriptNameRefused: the name cannot be used.
            ScriptRefused: the text has errors.
        """

    async def activate(self, name: str | None) -> None:
        """Make this script the active one; None: no script is active. Raises ScriptNotFound."""

    async def rename(self, name: str, new_name: str) -> None:
        """Give a script another name; it stays active if it was. RFC 5804 §2.11.1.

        Raises:
            ScriptNotFound: there is no such script.
            ScriptExists: the new name is taken.
            ScriptNameRefused: the new name cannot be used.
        """

    async def delete(self, name: str) -> None:
        """Remove a script that is not active; its history stays.

        Raises:
            ScriptNotFound: there is no such script.
            ScriptActive: it is active. RFC 5804 §2.10: the active script MUST NOT be deleted.
        """

    async def trace(
        self, source: bytes, message: bytes, *, sender: str | None, recipient: str
    ) -> ScriptTrace:
        """What a script would do with a message for this account, without doing it.

        Args:
            source: the script's text, which need not be stored.
            message: the message, with CRLF line ends.
            sender: the envelope's sender; None: the null sender.
            recipient: the envelope's recipient.

        Raises:
            ScriptRefused: the text has errors.
        """


@runtime_checkable
class SupportsScripts(Protocol):
    """What the product of a delivery filter has if its accounts may have scripts."""

    def scripts(self, account: AccountHandle) -> AccountScripts:
        """The scripts of this account, with the rights with which it was opened."""

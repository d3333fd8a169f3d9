"""A dry run: the actions that a script would ask for, and why, without their effects.

The engine and the actions are those of a delivery. Only the executor is another one: it makes a
list of the actions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from thurn.plugin import INBOX
from thurn_sieve.context import Account, Context, Envelope
from thurn_sieve.engine import Engine
from thurn_sieve.result import Action, Discard, Keep, Redirect, Reject, Result, Store
from thurn_sieve.script import Script

from thurn_delivery_sieve.refusal import refusal

Row = dict[str, Any]
"""One action in the list: its line, its name, and its arguments."""


class GivenMailboxes:
    """`thurn_sieve.context.Mailboxes` with the mailboxes that the caller names, and INBOX."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = {INBOX, *names}

    async def exists(self, name: str) -> bool:
        """Whether the caller has named it."""
        return name in self._names or name.upper() == INBOX

    async def may_write(self, name: str) -> bool:
        """Whether it exists; all mailboxes may be written to."""
        return await self.exists(name)

    async def special_use(self, flag: str) -> Sequence[str]:
        """An empty list: no mailbox has a special use."""
        return ()

    async def by_id(self, mailbox_id: str) -> str | None:
        """None: no mailbox has an id."""
        return None

    async def metadata(self, name: str | None, annotation: str) -> str | None:
        """None: there are no annotations."""
        return None


class NothingSeen:
    """`thurn_sieve.context.Duplicates` that has seen nothing."""

    async def seen(self, key: str) -> bool:
        """Always false."""
        return False


class WritingExecutor:
    """`thurn_sieve.result.Executor` that makes a list of actions and has no effect.

    Attributes:
        rows: the actions so far.
    """

    def __init__(self, actions: Sequence[Action] = ()) -> None:
        self.rows: list[Row] = []
        self._actions = actions
        self._message: bytes | None = None

    def _add(self, action: Action, name: str, **facts: object) -> None:
        row: Row = {"line": action.line, "action": name, **facts}
        self.rows.append({key: value for key, value in row.items() if value not in (None, [], ())})

    async def keep(self, action: Keep) -> None:
        """Add a keep."""
        name = "keep (implicit)" if action.implicit else "keep"
        self._add(action, name, mailbox=INBOX, flags=list(action.flags))

    async def store(self, action: Store) -> None:
        """Add a fileinto."""
        self._add(
            action,
            "fileinto",
            mailbox=action.mailbox,
            flags=list(action.flags),
            special_use=action.special_use,
            mailboxid=action.mailboxid,
        )

    async def redirect(self, action: Redirect) -> None:
        """Add a redirect."""
        self._add(action, "redirect", address=action.address)

    async def discard(self, action: Discard) -> None:
        """Add a discard."""
        self._add(action, "discard")

    async def reject(self, action: Reject) -> bool:
        """Add a refusal with its reply."""
        self._add(action, action.name, reply=str(refusal(action.reason)))
        return True

    async def send(
        self, envelope_from: str | None, recipients: Sequence[str], message: bytes
    ) -> None:
        """Add a message that the engine made."""
        text = message.decode(errors="replace").replace("\r\n", "\n")
        self.rows.append(
            {
                "line": 0,
                "action": "send",
                "from": envelope_from or "<>",
                "to": list(recipients),
                "message": text,
            }
        )

    async def lend_delivery(self, message: bytes, act: object) -> bool:
        """Add an action of another plugin; it is not called, because it may have effects."""
        for action in self._actions:
            if getattr(action, "act", None) is act:
                self._add(action, action.name, by="another plugin; it is not called here")
        return True

    async def notify(self, action: Action) -> None:
        """Add a notification."""
        self._add(action, "notify")

    async def mark_duplicate(self, key: str, seconds: int, *, last: bool) -> None:
        """Add the key of a message that would be remembered."""
        self.rows.append({"line": 0, "action": "remember", "key": key, "seconds": seconds})

    async def mark_vacation(self, key: str, seconds: int) -> None:
        """Add the key of a sender that would be remembered."""
        self.rows.append({"line": 0, "action": "remember", "key": key, "seconds": seconds})


@dataclass(frozen=True, slots=True)
class DryFacts:
    """The facts of a delivery that a dry run assumes.

    Attributes:
        sender: the sender of the envelope; None is the null sender.
        recipient: the recipient of the envelope, and the account's only address.
        now: the time.
        mailboxes: names of the mailboxes that exist besides INBOX.
        settings: the settings that extensions read.
        environment: the items of RFC 5183.
    """

    sender: str | None
    recipient: str
    now: datetime
    mailboxes: Collection[str] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DryRun:
    """The outcome of a dry run.

    Attributes:
        rows: the actions that would be carried out.
        result: the result of the script.
    """

    rows: Sequence[Row]
    result: Result

    def as_json(self) -> Mapping[str, Any]:
        """The outcome for programs."""
        result = self.result
        return {
            "actions": list(self.rows),
            "errors": [str(fault) for fault in result.errors],
            "warnings": [str(fault) for fault in result.warnings],
            "trace": [{"line": line, "text": text} for line, text in result.trace or ()],
        }


async def dry_run(engine: Engine, script: Script, message: bytes, facts: DryFacts) -> DryRun:
    """Run a script for a message without effects; a script that fails keeps the message."""
    account = Account(facts.recipient, [facts.recipient])
    envelope = Envelope(sender=facts.sender, recipient=facts.recipient)
    context = Context(message, envelope=envelope, account=account, now=facts.now)
    context.mailboxes = GivenMailboxes(facts.mailboxes)
    context.duplicates = NothingSeen()
    context.settings = facts.settings
    context.environment = dict(facts.environment)
    result = await engine.evaluate(script, context, trace=True)
    if result.errors:
        result.actions.clear()
        result.keep = True
        result.implicit = None
    executor = WritingExecutor(result.actions)
    outcome = await engine.perform(result, executor)
    if outcome.error is not None:
        raise outcome.error
    return DryRun(executor.rows, result)

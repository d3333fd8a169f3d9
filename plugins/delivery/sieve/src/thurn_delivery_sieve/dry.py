"""A run without effects: what a script would do with a message, and why.

The same engine and the same actions as in a delivery; only the executor is another one: it writes
down what it is asked for.
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


class GivenMailboxes:
    """`thurn_sieve.context.Mailboxes`: those that the caller names, and INBOX."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = {INBOX, *names}

    async def exists(self, name: str) -> bool:
        """Whether it was named."""
        return name in self._names or name.upper() == INBOX

    async def may_write(self, name: str) -> bool:
        """What exists may be written."""
        return await self.exists(name)

    async def special_use(self, flag: str) -> Sequence[str]:
        """None has one."""
        return ()

    async def by_id(self, mailbox_id: str) -> str | None:
        """None has one."""
        return None

    async def metadata(self, name: str | None, annotation: str) -> str | None:
        """There is none."""
        return None


class NothingSeen:
    """`thurn_sieve.context.Duplicates`: every message is the first."""

    async def seen(self, key: str) -> bool:
        """No."""
        return False


class WritingExecutor:
    """`thurn_sieve.result.Executor`: rows instead of effects."""

    def __init__(self, actions: Sequence[Action] = ()) -> None:
        self.rows: list[Row] = []
        self._actions = actions
        self._message: bytes | None = None

    def _add(self, action: Action, name: str, **facts: object) -> None:
        row: Row = {"line": action.line, "action": name, **facts}
        self.rows.append({key: value for key, value in row.items() if value not in (None, [], ())})

    async def keep(self, action: Keep) -> None:
        """Into INBOX."""
        name = "keep (implicit)" if action.implicit else "keep"
        self._add(action, name, mailbox=INBOX, flags=list(action.flags))

    async def store(self, action: Store) -> None:
        """Into a mailbox."""
        self._add(
            action,
            "fileinto",
            mailbox=action.mailbox,
            flags=list(action.flags),
            special_use=action.special_use,
            mailboxid=action.mailboxid,
        )

    async def redirect(self, action: Redirect) -> None:
        """On to an address."""
        self._add(action, "redirect", address=action.address)

    async def discard(self, action: Discard) -> None:
        """Nowhere."""
        self._add(action, "discard")

    async def reject(self, action: Reject) -> bool:
        """Refused with a reply."""
        self._add(action, action.name, reply=str(refusal(action.reason)))
        return True

    async def send(
        self, envelope_from: str | None, recipients: Sequence[str], message: bytes
    ) -> None:
        """A message that the engine made."""
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
        """An action of another plugin: not called, as nobody knows what it does by itself."""
        for action in self._actions:
            if getattr(action, "act", None) is act:
                self._add(action, action.name, by="another plugin; it is not called here")
        return True

    async def notify(self, action: Action) -> None:
        """A notification."""
        self._add(action, "notify")

    async def mark_duplicate(self, key: str, seconds: int, *, last: bool) -> None:
        """An id that would be remembered."""
        self.rows.append({"line": 0, "action": "remember", "key": key, "seconds": seconds})

    async def mark_vacation(self, key: str, seconds: int) -> None:
        """A sender who would be remembered."""
        self.rows.append({"line": 0, "action": "remember", "key": key, "seconds": seconds})


@dataclass(frozen=True, slots=True)
class DryFacts:
    """What is assumed of the delivery.

    Attributes:
        mailboxes: names of those that exist, besides INBOX.
    """

    sender: str | None
    recipient: str
    now: datetime
    mailboxes: Collection[str] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would happen."""

    rows: Sequence[Row]
    result: Result

    def as_json(self) -> Mapping[str, Any]:
        """All of it for programs."""
        result = self.result
        return {
            "actions": list(self.rows),
            "errors": [str(fault) for fault in result.errors],
            "warnings": [str(fault) for fault in result.warnings],
            "trace": [{"line": line, "text": text} for line, text in result.trace or ()],
        }


async def dry_run(engine: Engine, script: Script, message: bytes, facts: DryFacts) -> DryRun:
    """Run a script over a message without effects. A script that fails keeps the message."""
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

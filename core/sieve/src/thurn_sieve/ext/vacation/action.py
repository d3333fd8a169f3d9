"""The action `vacation`: what shall be answered, or why nothing is. RFC 5230 §4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from thurn_message.address import Address
from thurn_message.date import format_date
from thurn_message.msgid import make_message_id
from thurn_message.scanner import scan

from thurn_sieve.context import Context
from thurn_sieve.ext.vacation.reply import Reply, build_reply
from thurn_sieve.result import Action, Executor


@dataclass(slots=True, kw_only=True)
class Vacation(Action):
    """Answer the sender, once in so many seconds.

    Attributes:
        withheld: why there is no answer; the action stands in the result all the same, so that
            conflicts and traces see it.
        to: who is answered.
        from_: a ready value for From.
        seconds: how long the sender gets no second one.
        record: the key under which the sender is remembered.
    """

    name: ClassVar[str] = "vacation"
    # RFC 5230 §4.7: once, and not with reject.
    excludes: ClassVar[frozenset[str]] = frozenset({"vacation", "reject", "ereject"})
    reason: str
    subject: str | None = None
    from_: str = ""
    mime: bool = False
    to: Address | None = None
    seconds: int = 0
    record: str = ""
    withheld: str | None = None

    async def perform(self, executor: Executor, context: Context) -> None:
        """By `Executor.mark_vacation`, then `Executor.send` with a null sender."""
        if self.withheld is not None or self.to is None:
            return
        host = context.environment.get("host")
        domain = host if isinstance(host, str) and host else "localhost"
        reply = Reply(
            to=self.to,
            from_=self.from_,
            reason=self.reason,
            date=format_date(context.now),
            message_id=make_message_id(f"vacation.{context.unique()}", domain),
            subject=self.subject,
            mime=self.mime,
        )
        message = build_reply(reply, scan(self.message))
        # RFC 5230 §4.2: another message may have been answered since the script asked.
        if await executor.mark_vacation(self.record, self.seconds) is False:
            self.withheld = "answered before"
            return
        # RFC 5230 §5.1: the reply has a null sender, so that nothing answers it.
        await executor.send(None, [str(self.to)], message)

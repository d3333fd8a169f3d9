"""The action `vacation`: the answer, or the reason why there is none. RFC 5230 §4."""

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
    """Answers the sender, once in so many seconds.

    Attributes:
        reason: the text of the answer; with `mime` a MIME entity.
        subject: the subject of the answer; None means "Auto: " and the subject of the message.
        from_: the value of the answer's From field.
        mime: whether `reason` is a MIME entity with its own header.
        to: the address that is answered; None if there is no answer.
        seconds: the time in seconds in which the sender gets this answer only once.
        record: the key under which the sender is remembered.
        withheld: why there is no answer; None if there is one. The action is in the result in both
            cases, so that conflicts and traces are the same.
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
        """Call `Executor.mark_vacation`, then `Executor.send` with a null sender."""
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
        # RFC 5230 §4.2: another message of the sender may have been answered meanwhile.
        if await executor.mark_vacation(self.record, self.seconds) is False:
            self.withheld = "answered before"
            return
        # RFC 5230 §5.1: the reply has a null sender, so that nothing answers it.
        await executor.send(None, [str(self.to)], message)

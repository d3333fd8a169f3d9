"""MAIL and RSET: where a transaction begins, and where it comes to nothing. RFC 5321 §4.1.1.2."""

from __future__ import annotations

from typing import Final

from thurn.plugin import Address, Status, Transaction
from thurn_message.address import NEEDS_SMTPUTF8, AddressError
from thurn_wire.smtp import event

from thurn_listener_smtp.conversation import Conversation

TLS_FIRST: Final = Status(530, "5.7.0", "Must issue a STARTTLS command first")  # RFC 3207 §4
NON_ASCII: Final = Status(553, "5.6.7", "Non-ASCII address without SMTPUTF8")  # RFC 6531 §3.5
_MALFORMED: Final = Status(553, "5.1.7", "The sender's address is malformed")  # RFC 5321 §4.2.3


async def mail(talk: Conversation, given: event.Mail) -> None:
    """Judge the address, then ask the sender policies; open a transaction."""
    if talk.lacks_tls:
        await talk.refuse(TLS_FIRST)
        return
    sender: Address | None = None  # the null path: RFC 5321 §4.5.5
    if given.path is not None:
        try:
            sender = Address.parse_path(given.path, smtputf8=given.smtputf8)
        except AddressError as error:
            needs = error.reason == NEEDS_SMTPUTF8
            await talk.refuse(NON_ASCII if needs else _MALFORMED)
            return
    answer = await talk.mailflow.sender(talk.session, sender, given.parameters)
    if isinstance(answer, Transaction):
        talk.transaction = answer
        talk.engine.accept()
    else:
        await talk.refuse(answer.status)


async def reset(talk: Conversation, _: event.Reset) -> None:
    """Forget the transaction, if there is one; the engine has answered. RFC 5321 §4.1.1.5."""
    talk.abandon()

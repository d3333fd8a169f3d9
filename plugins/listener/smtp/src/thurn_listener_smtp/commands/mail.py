"""MAIL, which begins a transaction, and RSET, which abandons it.

    C: MAIL FROM:<ann@example.net> SIZE=1000
    S: 250 2.1.0 Ok

RFC 5321 §4.1.1.2, §4.1.1.5.
"""

from __future__ import annotations

from typing import Final

from thurn.plugin import Address, Status, Transaction
from thurn_message.address import NEEDS_SMTPUTF8, AddressError
from thurn_wire.smtp import event

from thurn_listener_smtp.conversation import Conversation

TLS_FIRST: Final = Status(530, "5.7.0", "Must issue a STARTTLS command first")  # RFC 3207 §4
NON_ASCII: Final = Status(553, "5.6.7", "Non-ASCII address without SMTPUTF8")  # RFC 6531 §3.5
_MALFORMED: Final = Status(553, "5.1.7", "The sender's address is malformed")  # RFC 5321 §4.2.3


async def mail(conversation: Conversation, given: event.Mail) -> None:
    """Judge the address, ask the sender policies, and open a transaction."""
    if conversation.lacks_tls:
        await conversation.refuse(TLS_FIRST)
        return
    sender: Address | None = None  # the null path: RFC 5321 §4.5.5
    if given.path is not None:
        try:
            sender = Address.parse_path(given.path, smtputf8=given.smtputf8)
        except AddressError as error:
            needs = error.reason == NEEDS_SMTPUTF8
            await conversation.refuse(NON_ASCII if needs else _MALFORMED)
            return
    answer = await conversation.mailflow.sender(conversation.session, sender, given.parameters)
    if isinstance(answer, Transaction):
        conversation.transaction = answer
        conversation.engine.accept()
    else:
        await conversation.refuse(answer.status)


async def reset(conversation: Conversation, _: event.Reset) -> None:
    """Abandon the transaction, if there is one; the engine has answered. RFC 5321 §4.1.1.5."""
    conversation.abandon()

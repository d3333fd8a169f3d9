"""RCPT.

    C: RCPT TO:<alice@example.org>
    S: 250 2.1.5 Ok

RFC 5321 §4.1.1.3.
"""

from __future__ import annotations

from typing import Final

from thurn.plugin import Accept, Address, Recipient, Status
from thurn_message.address import NEEDS_SMTPUTF8, AddressError, is_postmaster
from thurn_wire.smtp import event

from thurn_listener_smtp.commands.mail import NON_ASCII
from thurn_listener_smtp.conversation import Conversation

_MALFORMED: Final = Status(553, "5.1.3", "The recipient's address is malformed")  # RFC 5321 §4.2.3


async def rcpt(conversation: Conversation, given: event.Recipient) -> None:
    """Judge the address, then ask who may receive and who may relay."""
    transaction = conversation.transaction
    if transaction is None:  # the engine has answered 503 then
        raise RuntimeError("RCPT outside a transaction")
    # The peer of LMTP is a mail system of the site's own, and guesses nothing.
    counts = conversation.parts.settings.profile != "lmtp"
    if is_postmaster(given.path):  # RFC 5321 §4.5.1: without a domain, in any case
        address = Address("postmaster", conversation.parts.engine.hostname)
    else:
        try:
            address = Address.parse_path(given.path, smtputf8="SMTPUTF8" in transaction.parameters)
        except AddressError as error:
            needs = error.reason == NEEDS_SMTPUTF8
            await conversation.refuse(NON_ASCII if needs else _MALFORMED, counts=counts)
            return
    answer = await conversation.mailflow.recipient(
        transaction, Recipient(address, given.parameters)
    )
    if isinstance(answer, Accept):
        conversation.engine.accept()
    else:
        await conversation.refuse(answer.status, counts=counts)

"""RCPT. RFC 5321 §4.1.1.3."""

from __future__ import annotations

from typing import Final

from thurn.plugin import Accept, Address, Recipient, Status
from thurn_message.address import NEEDS_SMTPUTF8, AddressError, is_postmaster
from thurn_wire.smtp import event

from thurn_listener_smtp.command.mail import NON_ASCII
from thurn_listener_smtp.conversation import Conversation

_MALFORMED: Final = Status(553, "5.1.3", "The recipient's address is malformed")  # RFC 5321 §4.2.3


async def rcpt(talk: Conversation, given: event.Recipient) -> None:
    """Judge the address, then ask who may receive and who may relay."""
    transaction = talk.transaction
    if transaction is None:  # the engine says 503 before it comes to this
        raise RuntimeError("RCPT outside a transaction")
    guest = talk.parts.settings.profile != "lmtp"  # LMTP's peer is a mail system of the site's own
    if is_postmaster(given.path):  # RFC 5321 §4.5.1: without a domain, in any case
        address = Address("postmaster", talk.parts.engine.hostname)
    else:
        try:
            address = Address.parse_path(given.path, smtputf8="SMTPUTF8" in transaction.parameters)
        except AddressError as error:
            needs = error.reason == NEEDS_SMTPUTF8
            await talk.refuse(NON_ASCII if needs else _MALFORMED, counts=guest)
            return
    answer = await talk.mailflow.recipient(transaction, Recipient(address, given.parameters))
    if isinstance(answer, Accept):
        talk.engine.accept()
    else:
        await talk.refuse(answer.status, counts=guest)

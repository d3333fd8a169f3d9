"""What a client is told of an error: one table from the errors of stores to response codes.

Rules of this file:
1. Texts are the generic ones of the status; causes stay in the log.
2. Hidden and absent mailboxes get the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from thurn.plugin import (
    DocumentNotFound,
    InUse,
    LimitReached,
    MailboxExists,
    MailboxNameRefused,
    MailboxNotFound,
    MailboxReadOnly,
    MessageExpunged,
    NotPermitted,
    OverQuota,
    Refused,
    StorageError,
    StorageFull,
    StorageTrouble,
    ThurnError,
    TooLarge,
    Unsupported,
    status_of,
)
from thurn_wire.imap import code

from thurn_listener_imap.answer import Answer, refused

CODES: Final[Mapping[type[StorageError], bytes]] = {
    DocumentNotFound: code.NONEXISTENT,
    InUse: code.INUSE,
    LimitReached: code.LIMIT,
    MailboxExists: code.ALREADYEXISTS,
    MailboxNameRefused: code.CANNOT,
    MailboxNotFound: code.NONEXISTENT,
    MailboxReadOnly: code.READ_ONLY,
    MessageExpunged: code.EXPUNGEISSUED,
    NotPermitted: code.NOPERM,
    OverQuota: code.OVERQUOTA,
    StorageFull: code.UNAVAILABLE,
    StorageTrouble: code.UNAVAILABLE,
    TooLarge: code.TOOBIG,
    Unsupported: code.CANNOT,
}
"""Every error of a store. RFC 5530, RFC 9051 §7.1."""

TROUBLE: Final = frozenset((StorageFull, StorageTrouble))
"""Errors that are ours, and go into the log."""

_LOGIN_CODES: Final[Mapping[int, bytes]] = {
    501: b"",
    504: code.CANNOT,
    535: code.AUTHENTICATIONFAILED,
    538: code.PRIVACYREQUIRED,
    550: code.AUTHORIZATIONFAILED,
}


def answer_to(error: ThurnError) -> Answer:
    """The tagged NO for an error."""
    return refused(status_of(error).text, code_of(error))


def code_of(error: ThurnError) -> bytes:
    """The response code for an error; anything unexpected is temporary (`status_of`)."""
    if isinstance(error, StorageError):
        for kind in type(error).__mro__:
            if kind in CODES:
                return CODES[kind]
    return code.CANNOT if status_of(error).is_permanent else code.UNAVAILABLE


def is_trouble(error: ThurnError) -> bool:
    """Whether an error is ours, and belongs in the log."""
    return not isinstance(error, StorageError) or type(error) in TROUBLE


def answer_to_login(step: Refused) -> Answer:
    """The tagged NO for what the gate says."""
    status = step.status
    if status.is_temporary:
        # RFC 5530 §3: trouble of ours must not make a client ask for another password.
        return refused(status.text, code.UNAVAILABLE)
    return refused(status.text, _LOGIN_CODES.get(status.code, code.AUTHENTICATIONFAILED))

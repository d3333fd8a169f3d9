"""From errors to answers: one table that gives each error of a store its response code.

Rules of this file:
1. Texts are those of the status, which name no cause; causes go into the log.
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

INTERNAL: Final = frozenset[type[StorageError]]((StorageFull, StorageTrouble))
"""Errors of a store that no client has caused; they go into the log."""

_LOGIN_CODES: Final[Mapping[int, bytes]] = {
    501: b"",
    504: code.CANNOT,
    535: code.AUTHENTICATIONFAILED,
    538: code.PRIVACYREQUIRED,
    550: code.AUTHORIZATIONFAILED,
}
"""Codes by the gate's status."""


def answer_to(error: ThurnError) -> Answer:
    """The tagged NO for an error."""
    return refused(status_of(error).text, code_of(error))


def code_of(error: ThurnError) -> bytes:
    """The response code of an error; an unexpected error is temporary (`status_of`)."""
    if isinstance(error, StorageError):
        for kind in type(error).__mro__:
            if kind in CODES:
                return CODES[kind]
    return code.CANNOT if status_of(error).is_permanent else code.UNAVAILABLE


def is_internal(error: ThurnError) -> bool:
    """Whether no client has caused an error, so that it belongs in the log."""
    return not isinstance(error, StorageError) or type(error) in INTERNAL


def answer_to_login(step: Refused) -> Answer:
    """The tagged NO for a login that the gate has refused."""
    status = step.status
    if status.is_temporary:
        # RFC 5530 §3: an internal failure must not make a client ask for another password.
        return refused(status.text, code.UNAVAILABLE)
    return refused(status.text, _LOGIN_CODES.get(status.code, code.AUTHENTICATIONFAILED))

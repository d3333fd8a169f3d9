"""From errors to replies: the text and response code of each error.

Rules of this file:
1. Response codes are for internal failures and for logins; a message that is gone is neither.
2. Texts are those of the status, which name no cause; causes go into the log.
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
from thurn_wire.pop3.reply import ResponseCode

CODES: Final[Mapping[type[StorageError], ResponseCode | None]] = {
    MessageExpunged: None,
    # RFC 3206 §4: what is likely to pass by itself,
    InUse: ResponseCode.SYSTEM_TEMPORARY,
    OverQuota: ResponseCode.SYSTEM_TEMPORARY,
    StorageFull: ResponseCode.SYSTEM_TEMPORARY,
    StorageTrouble: ResponseCode.SYSTEM_TEMPORARY,
    # and what needs a person.
    DocumentNotFound: ResponseCode.SYSTEM_PERMANENT,
    LimitReached: ResponseCode.SYSTEM_PERMANENT,
    MailboxExists: ResponseCode.SYSTEM_PERMANENT,
    MailboxNameRefused: ResponseCode.SYSTEM_PERMANENT,
    MailboxNotFound: ResponseCode.SYSTEM_PERMANENT,
    MailboxReadOnly: ResponseCode.SYSTEM_PERMANENT,
    NotPermitted: ResponseCode.SYSTEM_PERMANENT,
    TooLarge: ResponseCode.SYSTEM_PERMANENT,
    Unsupported: ResponseCode.SYSTEM_PERMANENT,
}
"""Every error of a store."""

_NOT_CREDENTIALS: Final = frozenset((501, 504))
"""Statuses of the gate that say nothing about the account: a malformed response, a mechanism that
does not exist."""


class LoginRefused(ThurnError):
    """The credentials are right, and the maildrop cannot be opened now."""

    def __init__(self, text: str, code: ResponseCode) -> None:
        super().__init__(text)
        self.code = code


def code_of(error: ThurnError) -> ResponseCode | None:
    """The response code of an error, beside the text of `status_of(error)`."""
    if isinstance(error, StorageError) and type(error) in CODES:
        return CODES[type(error)]
    # An unexpected error is temporary (`status_of`).
    if status_of(error).is_permanent:
        return ResponseCode.SYSTEM_PERMANENT
    return ResponseCode.SYSTEM_TEMPORARY


def code_of_login(refused: Refused) -> ResponseCode | None:
    """The response code for a login that the gate has refused."""
    status = refused.status
    if status.is_temporary:
        # RFC 3206 §4: an internal failure must not make a client ask for another password.
        return ResponseCode.SYSTEM_TEMPORARY
    if status.code in _NOT_CREDENTIALS:
        return None
    # RFC 3206 §4: also for what the site forbids, such as a password in the clear.
    return ResponseCode.AUTHENTICATION

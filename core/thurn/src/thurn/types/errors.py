"""Exceptions: "could not decide" and "could not store", each with what a peer is told.

Trouble is temporary unless an explicit verdict says otherwise (design D5): whatever is not in
this file counts as `LOCAL_ERROR`, a 451.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from thurn.types.status import LOCAL_ERROR, OVER_QUOTA, STORAGE_FULL, Status


class ThurnError(Exception):
    """The root of everything that thurn raises on purpose."""


class ConfigError(ThurnError):
    """The configuration cannot be used. Each finding says file, line and what to change."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__("\n".join(findings))
        self.findings = findings


class PluginError(ThurnError):
    """A plugin broke its contract (wrong signature, nonsense answer, duplicate name)."""


class TemporaryFailure(ThurnError):
    """It cannot be done now; the peer should come again."""

    def __init__(self, detail: str = "", status: Status = LOCAL_ERROR) -> None:
        super().__init__(detail or status.text)
        self.status = status


class PermanentFailure(ThurnError):
    """It cannot be done, and coming again will not help. Only for explicit verdicts."""

    def __init__(self, detail: str, status: Status) -> None:
        super().__init__(detail)
        self.status = status


class StorageError(ThurnError):
    """The closed set of what a store may answer; without protocol words. Each listener has one
    table from these to its replies. Texts do not tell whether a hidden mailbox exists."""

    status: ClassVar[Status] = LOCAL_ERROR


class MailboxNotFound(StorageError):
    """No such mailbox, or none that this identity may know of."""

    status = Status(550, "5.2.0", "No such mailbox")


class MailboxExists(StorageError):
    """The name is taken."""

    status = Status(550, "5.2.0", "The mailbox exists already")


class MailboxNameRefused(StorageError):
    """The name cannot be used (form, length, depth, reserved)."""

    status = Status(550, "5.2.0", "This mailbox name cannot be used")


class DocumentNotFound(StorageError):
    """The account has no document of this kind and name."""

    status = Status(550, "5.2.0", "No such document")


class MailboxReadOnly(StorageError):
    """The mailbox may be read but not changed."""

    status = Status(550, "5.7.1", "The mailbox is read-only")


class OverQuota(StorageError):
    """The account has used what it may use."""

    status = OVER_QUOTA


class MessageExpunged(StorageError):
    """The message has gone meanwhile."""

    status = Status(550, "5.2.0", "The message is gone")


class TooLarge(StorageError):
    """The message, name, annotation or document is over a bound."""

    status = Status(552, "5.3.4", "Too large")


class LimitReached(StorageError):
    """A number of things (keywords, mailboxes, documents) is over a bound."""

    status = Status(552, "5.3.4", "A limit is reached")


class InUse(StorageError):
    """Somebody else holds what is needed, for a while."""

    status = Status(450, "4.2.1", "In use, try again")


class NotPermitted(StorageError):
    """The identity lacks the right."""

    status = Status(550, "5.7.1", "Not permitted")


class Unsupported(StorageError):
    """This store cannot do it."""

    status = Status(550, "5.3.3", "Not supported here")


class StorageFull(StorageError):
    """The disk is full: temporary, reading goes on.

    Attributes:
        missing: what alone was refused; all the rest is done for good. Empty: nothing was done.
    """

    status = STORAGE_FULL

    def __init__(self, detail: str = "", missing: Collection[object] = ()) -> None:
        super().__init__(detail)
        self.missing = missing


class StorageTrouble(StorageError):
    """The engine failed (I/O error, lost connection): temporary, the cause is in the log.

    Attributes:
        account: the id of the one account that is in trouble, while all others are served; "" when
            the trouble is not one account's.
    """

    status = LOCAL_ERROR

    def __init__(self, detail: str = "", *, account: str = "") -> None:
        super().__init__(detail)
        self.account = account


def status_of(error: BaseException) -> Status:
    """What a peer is told of an error: the one place where an exception becomes a status.

    Anything unexpected is temporary; it never becomes 5xx (design D5).
    """
    if isinstance(error, TemporaryFailure | PermanentFailure | StorageError):
        return error.status
    if isinstance(error, OSError) and error.errno in _FULL:
        return STORAGE_FULL
    return LOCAL_ERROR


_FULL = {28, 122}  # ENOSPC, EDQUOT

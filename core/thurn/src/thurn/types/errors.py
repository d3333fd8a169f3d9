"""Exceptions: "could not decide" and "could not store", each with the answer to the peer.

A failure is temporary unless an explicit verdict says otherwise, so that a bug never loses mail: an
exception that is not in this file is answered as `LOCAL_ERROR`, with 451.
"""

from __future__ import annotations

import errno
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
    """A plugin broke its contract (wrong signature, an answer without meaning, duplicate name)."""


class TemporaryFailure(ThurnError):
    """It cannot be done now; the peer should try again later."""

    def __init__(self, detail: str = "", status: Status = LOCAL_ERROR) -> None:
        super().__init__(detail or status.text)
        self.status = status


class PermanentFailure(ThurnError):
    """It cannot be done, and trying again will not help. Only for explicit verdicts."""

    def __init__(self, detail: str, status: Status) -> None:
        super().__init__(detail)
        self.status = status


class StorageError(ThurnError):
    """The base of all errors that a store may raise; the set is closed and uses no protocol's
    words. Each listener has one table from these to its replies. The texts do not reveal whether a
    hidden mailbox exists."""

    status: ClassVar[Status] = LOCAL_ERROR


class MailboxNotFound(StorageError):
    """There is no such mailbox, or this identity may not know of it."""

    status = Status(550, "5.2.0", "No such mailbox")


class MailboxExists(StorageError):
    """A mailbox of this name exists already."""

    status = Status(550, "5.2.0", "The mailbox exists already")


class MailboxNameRefused(StorageError):
    """The name cannot be used: its form, length or depth is wrong, or it is reserved."""

    status = Status(550, "5.2.0", "This mailbox name cannot be used")


class DocumentNotFound(StorageError):
    """The account has no document of this kind and name."""

    status = Status(550, "5.2.0", "No such document")


class MailboxReadOnly(StorageError):
    """The mailbox may be read but not changed."""

    status = Status(550, "5.7.1", "The mailbox is read-only")


class OverQuota(StorageError):
    """The account's quota is used up."""

    status = OVER_QUOTA


class MessageExpunged(StorageError):
    """The message was expunged in the meantime."""

    status = Status(550, "5.2.0", "The message is gone")


class TooLarge(StorageError):
    """The message, name, annotation or document is over a bound."""

    status = Status(552, "5.3.4", "Too large")


class LimitReached(StorageError):
    """A number of things (keywords, mailboxes, documents) is over a bound."""

    status = Status(552, "5.3.4", "A limit is reached")


class InUse(StorageError):
    """Another session holds what is needed; it will be free again soon."""

    status = Status(450, "4.2.1", "In use, try again")


class NotPermitted(StorageError):
    """The identity lacks the right."""

    status = Status(550, "5.7.1", "Not permitted")


class Unsupported(StorageError):
    """This store cannot do it."""

    status = Status(550, "5.3.3", "Not supported here")


class StorageFull(StorageError):
    """The disk is full. A temporary failure; mail can still be read.

    Attributes:
        missing: the changes that were not done, while all others are done for good; empty: nothing
            was done.
    """

    status = STORAGE_FULL

    def __init__(self, detail: str = "", missing: Collection[object] = ()) -> None:
        super().__init__(detail)
        self.missing = missing


class StorageTrouble(StorageError):
    """The store itself failed (I/O error, lost connection). A temporary failure; the cause is in
    the log.

    Attributes:
        account: the id of the one account that has failed, while all others are served; "": it is
            not one account alone.
    """

    status = LOCAL_ERROR

    def __init__(self, detail: str = "", *, account: str = "") -> None:
        super().__init__(detail)
        self.account = account


def status_of(error: BaseException) -> Status:
    """The answer to a peer for an error: the one place where an exception becomes a status.

    An unexpected error is temporary: it never becomes 5xx.
    """
    if isinstance(error, TemporaryFailure | PermanentFailure | StorageError):
        return error.status
    if isinstance(error, OSError) and error.errno in _FULL:
        return STORAGE_FULL
    return LOCAL_ERROR


_FULL = {errno.ENOSPC, errno.EDQUOT}

"""The content of an account: mailboxes, messages, documents and keys; and undoing its changes.

Rules of this file: everything that changes is an item of a dict. It is changed only by `put` and
`drop`, which note the old value; `rollback` restores the old values in reverse order.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Final

from thurn.plugin import (
    CACHED_HEADERS,
    INBOX,
    KEYWORDS_PER_MAILBOX,
    SYSTEM_FLAGS,
    Content,
    Document,
    LimitReached,
    MailboxRecord,
    MessageSummary,
)

_ABSENT: Final = object()
_SEEN: Final = 1
_DELETED: Final = 8


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a mailbox."""

    content: Content
    email_id: str
    flags: int
    modseq: int
    received: int


@dataclass(frozen=True, slots=True)
class MailboxState:
    """A mailbox.

    Attributes:
        numbers: "uidnext" and "modseq".
        messages: by UID.
        flags: the bit of each flag name.
        vanished: the MODSEQ of the expunge for each UID that no longer exists.
        annotations: the values by entry.
    """

    id: str
    uidvalidity: int
    special_use: frozenset[str]
    numbers: dict[str, int]
    messages: dict[int, Message] = field(default_factory=dict)
    flags: dict[str, int] = field(
        default_factory=lambda: {f: n for n, f in enumerate(SYSTEM_FLAGS)}
    )
    vanished: dict[int, int] = field(default_factory=dict)
    annotations: dict[str, bytes] = field(default_factory=dict)

    def record(self, name: str, *, subscribed: bool) -> MailboxRecord:
        """The record of the mailbox now."""
        messages = self.messages.values()
        return MailboxRecord(
            id=self.id,
            name=name,
            uidvalidity=self.uidvalidity,
            uidnext=self.numbers["uidnext"],
            highestmodseq=self.numbers["modseq"],
            messages=len(messages),
            unseen=sum(not message.flags & _SEEN for message in messages),
            size_octets=sum(message.content.size_octets for message in messages),
            special_use=self.special_use,
            subscribed=subscribed,
            deleted=sum(bool(message.flags & _DELETED) for message in messages),
        )


class AccountState:
    """An account; also the resource of the commit log's rounds.

    Attributes:
        numbers: the last "modseq", "mailbox" and "uidvalidity" that were given out.
        present: documents, by kind and name, that are not deleted.
        active: the name of the active document of each kind.
        delivered: idempotency keys of appends.
        remembered: when each remembered key ends, POSIX seconds.
    """

    def __init__(self, uidvalidity: int) -> None:
        self._undo: list[tuple[dict[Any, Any], Hashable, object]] = []
        self.numbers = {"modseq": 1, "mailbox": 0, "uidvalidity": uidvalidity}
        self.mailboxes: dict[str, MailboxState] = {}
        self.annotations: dict[str, bytes] = {}
        self.subscribed: dict[str, bool] = {}
        self.documents: dict[tuple[str, str], tuple[Document, ...]] = {}
        self.present: dict[tuple[str, str], bool] = {}
        self.active: dict[str, str] = {}
        self.delivered: dict[str, bool] = {}
        self.remembered: dict[str, float] = {}
        self.make_mailbox(INBOX, frozenset())
        self.commit()

    def begin(self) -> bool:
        """Start a transaction; always possible, since there is only one process."""
        return True

    def commit(self) -> None:
        """Keep the changes."""
        self._undo.clear()

    def rollback(self) -> None:
        """Undo the changes since the last commit."""
        while self._undo:
            mapping, key, old = self._undo.pop()
            if old is _ABSENT:
                del mapping[key]
            else:
                mapping[key] = old

    def put(self, mapping: dict[Any, Any], key: Hashable, value: object) -> None:
        """Set an item."""
        self._undo.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    def drop(self, mapping: dict[Any, Any], key: Hashable) -> None:
        """Remove an item, which must exist."""
        self._undo.append((mapping, key, mapping.pop(key)))

    def put_or_drop(self, mapping: dict[Any, Any], key: Hashable, value: object) -> None:
        """Set an item; None removes it if it exists."""
        if value is not None:
            self.put(mapping, key, value)
        elif key in mapping:
            self.drop(mapping, key)

    def next_number(self, name: str) -> int:
        """The next MODSEQ, mailbox number or UIDVALIDITY."""
        number = self.numbers[name] + 1
        self.put(self.numbers, name, number)
        return number

    def make_mailbox(self, name: str, special_use: frozenset[str]) -> MailboxState:
        """Make an empty mailbox."""
        numbers = {"uidnext": 1, "modseq": self.next_number("modseq")}
        mailbox = MailboxState(
            f"M{self.next_number('mailbox')}", self.next_number("uidvalidity"), special_use, numbers
        )
        self.put(self.mailboxes, name, mailbox)
        return mailbox

    def touch(self, mailbox: MailboxState) -> int:
        """Give the mailbox the next MODSEQ."""
        modseq = self.next_number("modseq")
        self.put(mailbox.numbers, "modseq", modseq)
        return modseq

    def add(self, mailbox: MailboxState, message: Message) -> int:
        """Store a message under the mailbox's next UID."""
        uid = mailbox.numbers["uidnext"]
        self.put(mailbox.numbers, "uidnext", uid + 1)
        self.put(mailbox.messages, uid, message)
        return uid

    def remove(self, mailbox: MailboxState, uids: list[int]) -> None:
        """Expunge messages, which must exist."""
        modseq = self.touch(mailbox)
        for uid in uids:
            self.drop(mailbox.messages, uid)
            self.put(mailbox.vanished, uid, modseq)

    def mask(self, mailbox: MailboxState, flags: tuple[str, ...], *, make: bool = True) -> int:
        """The bits of flags, whose names are compared without case; new keywords get a bit.

        Args:
            mailbox: the mailbox with the flags.
            flags: the names of system flags and keywords.
            make: whether new keywords get a bit; otherwise they are ignored.

        Raises:
            LimitReached: more keywords than KEYWORDS_PER_MAILBOX.
        """
        bits = {name.lower(): bit for name, bit in mailbox.flags.items()}
        mask = 0
        for name in flags:
            bit = bits.get(name.lower())
            if bit is None and make:
                bit = bits[name.lower()] = len(bits)
                if bit >= len(SYSTEM_FLAGS) + KEYWORDS_PER_MAILBOX:
                    raise LimitReached
                self.put(mailbox.flags, name, bit)
            if bit is not None:
                mask |= 1 << bit
        return mask


def summary(uid: int, message: Message) -> MessageSummary:
    """The summary of a message, which has what FETCH needs."""
    scan = message.content.scan
    octets = scan.content
    cached = [octets[f.start : f.end] for f in scan.fields if f.name in CACHED_HEADERS]
    return MessageSummary(
        uid,
        message.email_id,
        scan.envelope,
        scan.bodystructure,
        scan.body,
        scan.header_end,
        len(octets),
        b"".join(cached),
    )

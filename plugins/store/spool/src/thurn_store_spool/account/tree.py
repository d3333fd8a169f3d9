"""Changes of the tree of mailboxes: create, delete, rename, subscribe. Each is work on a draft."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from thurn.plugin import (
    INBOX,
    LimitReached,
    MailboxExists,
    MailboxNameRefused,
    NotPermitted,
    mailbox_name,
)
from thurn_kit.mailboxes import InitialMailbox

from thurn_store_spool.account import message
from thurn_store_spool.index.query import select, select_one
from thurn_store_spool.index.row import LAST_UID, row_id
from thurn_store_spool.index.tree import MailboxRow
from thurn_store_spool.log.draft import Draft
from thurn_store_spool.operation.kind import Deleted, Keyword, Renamed, Subscribed

SUBSCRIPTIONS_PER_ACCOUNT: Final = 10_000
"""Most subscriptions of an account, as many as it may have mailboxes: lists read all of them, and
they need no mailbox."""


def make_initial(draft: Draft, mailboxes: Iterable[InitialMailbox]) -> None:
    """Make INBOX and the other mailboxes of a new account; an account that has INBOX is not new."""
    if INBOX in draft.index.written_tree.by_name:
        return
    draft.make_one(INBOX)
    for mailbox in mailboxes:
        if mailbox.name not in draft.index.written_tree.by_name:
            draft.make(mailbox.name, mailbox.special_use)
        if mailbox.subscribed:
            subscribe(draft, mailbox.name, subscribed=True)


def create(draft: Draft, name: str, special_use: Collection[str]) -> MailboxRow:
    """Make a mailbox and its parents. RFC 9051 §6.3.4."""
    if name in draft.index.written_tree.by_name:
        raise MailboxExists
    return draft.make(name, special_use)


def delete(draft: Draft, name: str) -> None:
    """Remove a mailbox, not its children. RFC 9051 §6.3.5."""
    row = draft.find(name)
    if row.name == INBOX:
        raise NotPermitted
    draft.do(Deleted(*draft.number(), row.number), row.number)
    draft.index.tree_changed()


def rename(draft: Draft, name: str, new_name: str, separator: str) -> None:
    """Rename with the children; of INBOX move the messages. RFC 9051 §6.3.6."""
    row = draft.find(name)
    by_name = draft.index.written_tree.by_name
    if new_name in by_name:
        raise MailboxExists
    if name == INBOX:
        _move_inbox(draft, row, new_name)
        return
    below = name + separator
    if new_name.startswith(below):
        raise MailboxNameRefused
    moved = {
        # Raises when the name of a child becomes too long or too deep.
        mailbox_name(new_name + old[len(name) :], separator): one.number
        for old, one in by_name.items()
        if old == name or old.startswith(below)
    }
    numbers = set(moved.values())
    # A name that moves away may be taken: renaming a/a to a, where a/a/a becomes a/a.
    if any(target in by_name and by_name[target].number not in numbers for target in moved):
        raise MailboxExists
    draft.make_parents(new_name)
    draft.do(Renamed(*draft.number(), tuple((number, n) for n, number in moved.items())))
    draft.touched.update(moved.values())
    draft.index.tree_changed()


def subscribe(draft: Draft, name: str, *, subscribed: bool) -> None:
    """Subscribe a name, or end its subscription. RFC 9051 §6.3.7, §6.3.8.

    Raises:
        LimitReached: there are too many subscriptions.
    """
    writer = draft.index.writer
    known = select_one(writer, "SELECT 1 FROM subscription WHERE name = ?", (name,)) is not None
    if known == subscribed:
        return
    if subscribed:
        count = select_one(writer, "SELECT count(*) FROM subscription")[0]
        if count >= SUBSCRIPTIONS_PER_ACCOUNT:
            raise LimitReached
    draft.do(Subscribed(*draft.number(), name, subscribed))


def _move_inbox(draft: Draft, inbox: MailboxRow, new_name: str) -> None:
    """Move the messages of INBOX to a new mailbox. RFC 9051 §6.3.6."""
    target = draft.make(new_name)
    for bit, word in enumerate(inbox.flag_names):
        if bit >= len(target.flag_names):  # the same bits, so that masks stay as they are
            draft.do(Keyword(*draft.number(), target.number, bit, word), target.number)
    draft.index.tree_changed()
    uids = [
        uid
        for (uid,) in select(
            draft.index.writer,
            "SELECT id & 4294967295 FROM message WHERE id BETWEEN ? AND ? ORDER BY id",
            (row_id(inbox.number, 1), row_id(inbox.number, LAST_UID)),
        )
    ]
    message.move(draft, inbox.number, uids, new_name)

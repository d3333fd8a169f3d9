"""Changes of the tree of mailboxes. RFC 9051 §6.3.4 to §6.3.6.

Rules of this file: changes are made within a round, which undoes them after an error; names are in
normal form (`mailbox_name`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from thurn.plugin import (
    INBOX,
    MailboxExists,
    MailboxNameRefused,
    MailboxNotFound,
    NotPermitted,
    mailbox_name,
    parents,
)
from thurn_kit.mailboxes import InitialMailbox

from thurn_store_memory.state import AccountState, MailboxState


def make_initial(state: AccountState, mailboxes: Iterable[InitialMailbox], separator: str) -> None:
    """Make the mailboxes of a new account beside INBOX, and keep them."""
    for mailbox in mailboxes:
        if mailbox.name not in state.mailboxes:
            make(state, mailbox.name, separator, frozenset(mailbox.special_use))
        if mailbox.subscribed:
            state.put(state.subscribed, mailbox.name, True)
    state.commit()


def find(state: AccountState, name: str) -> MailboxState:
    """The mailbox with a name; raises MailboxNotFound."""
    mailbox = state.mailboxes.get(name)
    if mailbox is None:
        raise MailboxNotFound
    return mailbox


def make(
    state: AccountState, name: str, separator: str, special_use: frozenset[str] = frozenset()
) -> MailboxState:
    """Make a mailbox, and its missing parents."""
    make_parents(state, name, separator)
    return state.make_mailbox(name, special_use)


def make_parents(state: AccountState, name: str, separator: str) -> None:
    """Make the mailboxes above a name that are missing."""
    for parent in parents(name, separator):
        if parent not in state.mailboxes:
            state.make_mailbox(parent, frozenset())


def create(
    state: AccountState, name: str, separator: str, special_use: frozenset[str]
) -> MailboxState:
    """Make a mailbox; raises MailboxExists if there is one with the name."""
    if name in state.mailboxes:
        raise MailboxExists
    return make(state, name, separator, special_use)


def delete(state: AccountState, name: str) -> None:
    """Delete a mailbox and its messages, but not its children."""
    find(state, name)
    if name == INBOX:
        raise NotPermitted
    state.drop(state.mailboxes, name)


def rename(state: AccountState, name: str, new_name: str, separator: str) -> None:
    """Rename a mailbox with its children; INBOX stays, and its messages move."""
    mailbox, mailboxes = find(state, name), state.mailboxes
    if new_name in mailboxes:
        raise MailboxExists
    if name == INBOX:
        _move_all(state, mailbox, make(state, new_name, separator))
        return
    below = name + separator
    if new_name.startswith(below):
        raise MailboxNameRefused
    moved = {old: child for old, child in mailboxes.items() if old == name or old.startswith(below)}
    targets = {
        mailbox_name(new_name + old[len(name) :], separator): child for old, child in moved.items()
    }
    for old in moved:
        state.drop(mailboxes, old)
    if not mailboxes.keys().isdisjoint(targets):
        raise MailboxExists
    make_parents(state, new_name, separator)
    for target, child in targets.items():
        state.put(mailboxes, target, child)


def _move_all(state: AccountState, source: MailboxState, target: MailboxState) -> None:
    """Move the messages to a new mailbox, which gets the same flag bits."""
    for name, bit in source.flags.items():
        state.put(target.flags, name, bit)
    uids = sorted(source.messages)
    for uid in uids:
        state.add(target, replace(source.messages[uid], modseq=state.touch(target)))
    if uids:
        state.remove(source, uids)

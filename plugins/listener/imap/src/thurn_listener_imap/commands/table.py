"""The table of commands that need nothing of the session but its conversation.

LOGIN, AUTHENTICATE, STARTTLS, APPEND, IDLE and LOGOUT take part in the session's states; they are
run by `session.py`.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap import command

from thurn_listener_imap.commands.capability import capability
from thurn_listener_imap.commands.close import close, unselect
from thurn_listener_imap.commands.copy import copy
from thurn_listener_imap.commands.create import create
from thurn_listener_imap.commands.delete import delete
from thurn_listener_imap.commands.enable import enable
from thurn_listener_imap.commands.expunge import expunge
from thurn_listener_imap.commands.fetch import fetch
from thurn_listener_imap.commands.list import list_
from thurn_listener_imap.commands.lsub import lsub
from thurn_listener_imap.commands.move import move
from thurn_listener_imap.commands.namespace import namespace
from thurn_listener_imap.commands.noop import noop
from thurn_listener_imap.commands.rename import rename
from thurn_listener_imap.commands.search import search
from thurn_listener_imap.commands.select import select
from thurn_listener_imap.commands.status import ITEMS, status
from thurn_listener_imap.commands.store import store
from thurn_listener_imap.commands.subscribe import subscribe, unsubscribe
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import CommandKind, ImapExtension, Updates


def _numbers_in_use(given: command.Fetch | command.Store | command.Search) -> Updates:
    """RFC 9051 §7.5.1: no EXPUNGE during FETCH, STORE and SEARCH, but during those of UID."""
    return Updates.ALL if given.uid else Updates.NO_EXPUNGE


def _capabilities(conversation: Conversation) -> tuple[str, ...]:
    """What RFC 3501 and those built into the grammar are called."""
    if conversation.is_logged_in:
        return (
            "IMAP4rev1",
            "LITERAL+",
            "ENABLE",
            "IDLE",
            "NAMESPACE",
            "UNSELECT",
            "UIDPLUS",
            "MOVE",
            "CHILDREN",
            "MULTIAPPEND",
        )
    return ("IMAP4rev1", "LITERAL+", "SASL-IR", "ENABLE", "IDLE", *_ways_in(conversation))


def _ways_in(conversation: Conversation) -> tuple[str, ...]:
    """How a client may log in, as things are now. RFC 9051 §6.2."""
    gate, session = conversation.site.context.gate, conversation.session
    settings, connection = conversation.site.settings, conversation.connection
    words = [f"AUTH={mechanism}" for mechanism in gate.mechanisms(session)]
    if settings.tls_mode == "starttls" and connection.can_start_tls:
        words.insert(0, "STARTTLS")
    if not gate.password_allowed(session):
        # RFC 9051 §6.2.3: LOGIN would be refused, so nobody should send a password.
        words.append("LOGINDISABLED")
    return tuple(words)


BASE: Final = ImapExtension(
    name="imap4rev1",
    capabilities=_capabilities,
    commands={
        command.Capability: CommandKind(capability),
        command.Noop: CommandKind(noop),
        command.Check: CommandKind(noop),
        command.Enable: CommandKind(enable),
        command.Namespace: CommandKind(namespace),
        command.Select: CommandKind(select, Updates.NONE),
        command.Create: CommandKind(create),
        command.Delete: CommandKind(delete),
        command.Rename: CommandKind(rename),
        command.Subscribe: CommandKind(subscribe),
        command.Unsubscribe: CommandKind(unsubscribe),
        command.List: CommandKind(list_),
        command.Lsub: CommandKind(lsub),
        command.Status: CommandKind(status),
        command.Close: CommandKind(close),
        command.Unselect: CommandKind(unselect),
        command.Expunge: CommandKind(expunge),
        command.Search: CommandKind(search, _numbers_in_use),
        command.Fetch: CommandKind(fetch, _numbers_in_use),
        command.Store: CommandKind(store, _numbers_in_use),
        command.Copy: CommandKind(copy),
        command.Move: CommandKind(move),
    },
    status_items=ITEMS,
)
"""RFC 3501, and what is part of it by now."""

"""The commands of the base, and what it announces.

The base is RFC 3501 with those parts of RFC 9051 and of older extensions that its commands cannot
be told apart from; the README (Extensions) names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from thurn_wire.imap import command
from thurn_wire.imap.command import Command

from thurn_listener_imap.commands.append import append
from thurn_listener_imap.commands.capability import capability
from thurn_listener_imap.commands.close import close
from thurn_listener_imap.commands.copy import copy
from thurn_listener_imap.commands.create import create
from thurn_listener_imap.commands.delete import delete
from thurn_listener_imap.commands.enable import enable
from thurn_listener_imap.commands.expunge import expunge
from thurn_listener_imap.commands.fetch import fetch
from thurn_listener_imap.commands.idle import idle
from thurn_listener_imap.commands.list import list_
from thurn_listener_imap.commands.login import authenticate, login
from thurn_listener_imap.commands.lsub import lsub
from thurn_listener_imap.commands.noop import noop
from thurn_listener_imap.commands.rename import rename
from thurn_listener_imap.commands.search import search
from thurn_listener_imap.commands.select import select
from thurn_listener_imap.commands.starttls import start_tls
from thurn_listener_imap.commands.status import ITEMS, status
from thurn_listener_imap.commands.store import store
from thurn_listener_imap.commands.subscribe import subscribe, unsubscribe
from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import CommandKind, ImapExtension, Updates


def _numbers_in_use(given: command.Fetch | command.Store | command.Search) -> Updates:
    """RFC 9051 §7.5.1: no EXPUNGE during FETCH, STORE and SEARCH, but during those of UID."""
    return Updates.ALL if given.uid else Updates.NO_EXPUNGE


BASE_COMMANDS: Final[Mapping[type[Command], CommandKind[Conversation]]] = {
    command.Capability: CommandKind(capability),
    command.Noop: CommandKind(noop),
    command.Check: CommandKind(noop),
    command.StartTls: CommandKind(start_tls, Updates.NONE),
    command.Login: CommandKind(login, Updates.NONE),
    command.Authenticate: CommandKind(authenticate, Updates.NONE),
    command.Enable: CommandKind(enable),
    command.Select: CommandKind(select, Updates.NONE),
    command.Create: CommandKind(create),
    command.Delete: CommandKind(delete),
    command.Rename: CommandKind(rename),
    command.Subscribe: CommandKind(subscribe),
    command.Unsubscribe: CommandKind(unsubscribe),
    command.List: CommandKind(list_),
    command.Lsub: CommandKind(lsub),
    command.Status: CommandKind(status),
    command.Append: CommandKind(append),
    command.Idle: CommandKind(idle),
    command.Close: CommandKind(close),
    command.Expunge: CommandKind(expunge),
    command.Search: CommandKind(search, _numbers_in_use),
    command.Fetch: CommandKind(fetch, _numbers_in_use),
    command.Store: CommandKind(store, _numbers_in_use),
    command.Copy: CommandKind(copy),
}
"""No extension may claim one of these."""


def _capabilities(conversation: ImapConversation) -> tuple[str, ...]:
    """RFC 3501, and the extensions that are part of its commands."""
    if conversation.is_logged_in:
        return ("IMAP4rev1", "LITERAL+", "ENABLE", "IDLE", "MULTIAPPEND")
    return ("IMAP4rev1", "LITERAL+", "SASL-IR", "ENABLE", "IDLE", *_ways_in(conversation))


def _ways_in(conversation: ImapConversation) -> tuple[str, ...]:
    """How a client may log in now. RFC 9051 §6.2."""
    gate, session = conversation.context.gate, conversation.session
    settings, connection = conversation.settings, conversation.connection
    words = [f"AUTH={mechanism}" for mechanism in gate.mechanisms(session)]
    if settings.tls_mode == "starttls" and connection.can_start_tls:
        words.insert(0, "STARTTLS")
    if not gate.password_allowed(session):
        # RFC 9051 §6.2.3: LOGIN would be refused, so nobody should send a password.
        words.append("LOGINDISABLED")
    return tuple(words)


BASE: Final = ImapExtension(name="imap4rev1", capabilities=_capabilities, status_items=ITEMS)
"""What the base adds to the tables of extensions."""

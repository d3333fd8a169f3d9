"""What all sessions of one listener share."""

from __future__ import annotations

from dataclasses import dataclass

from thurn.plugin import Guard, ListenerContext
from thurn_kit.spool import Spool
from thurn_wire.imap.config import ImapConfig

from thurn_listener_imap.fetch.source import KnownParts
from thurn_listener_imap.mailbox.followed import FollowedMailboxes
from thurn_listener_imap.registry import Extensions
from thurn_listener_imap.search.headertext import HeaderTexts
from thurn_listener_imap.settings import ImapSettings


@dataclass(frozen=True, slots=True, eq=False)
class ImapParts:
    """What all sessions of one listener share.

    Attributes:
        settings: of the listener.
        engine: the settings of the engine.
        context: the host.
        extensions: the tables of all extensions.
        guards: judges of what APPEND, COPY and MOVE store.
        spool: files for large contents on their way in or out.
        known_parts: where the parts of large messages are.
        texts: header fields of mailboxes that are searched again.
        followed: the mailboxes that sessions in IDLE wait for.
    """

    settings: ImapSettings
    engine: ImapConfig
    context: ListenerContext
    extensions: Extensions
    guards: tuple[Guard, ...]
    spool: Spool
    known_parts: KnownParts
    texts: HeaderTexts
    followed: FollowedMailboxes

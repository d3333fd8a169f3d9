"""What all sessions of one listener share."""

from __future__ import annotations

from dataclasses import dataclass

from thurn.plugin import ListenerContext, Table
from thurn_kit.spool import Spool
from thurn_wire.pop3.config import Pop3Config

from thurn_listener_pop3.lock import MaildropLocks
from thurn_listener_pop3.settings import Pop3Settings


@dataclass(frozen=True, slots=True, eq=False)
class Pop3Parts:
    """What all sessions of one listener share.

    Attributes:
        settings: of the listener.
        engine: what greeting and CAPA say.
        context: the host.
        spool: files for large messages on their way out.
        locks: of maildrops; None where a maildrop may have several sessions.
        delays: the times of the last logins; None without a login delay.
    """

    settings: Pop3Settings
    engine: Pop3Config
    context: ListenerContext
    spool: Spool
    locks: MaildropLocks | None
    delays: Table | None

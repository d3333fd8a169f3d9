"""What all sessions of one listener share."""

from __future__ import annotations

from dataclasses import dataclass

from thurn.plugin import Diagnostics, Gate, Mailflow
from thurn_kit.spool import Spool
from thurn_wire.smtp.config import SmtpConfig

from thurn_listener_smtp.settings import SmtpSettings


@dataclass(frozen=True, slots=True)
class SmtpParts:
    """What all sessions of one listener share.

    Attributes:
        settings: of the listener.
        engine: the configuration of the engine.
        mailflow: judges envelopes and messages, and delivers them.
        gate: logs peers in.
        diagnostics: the operator's log.
        spool: files for large contents on their way in.
    """

    settings: SmtpSettings
    engine: SmtpConfig
    mailflow: Mailflow
    gate: Gate
    diagnostics: Diagnostics
    spool: Spool

"""What all sessions of one listener share."""

from __future__ import annotations

from dataclasses import dataclass, replace

from thurn.plugin import Diagnostics, Gate, Ledger, Mailflow, PeerAddress
from thurn_kit.sources import exact
from thurn_kit.spool import Spool
from thurn_wire.smtp.config import SmtpConfig

from thurn_listener_smtp.settings import SmtpSettings


@dataclass(frozen=True, slots=True)
class SmtpParts:
    """What all sessions of one listener share.

    Attributes:
        settings: of the listener.
        engine: the usual configuration of the engine.
        mailflow: judges envelopes and messages, and delivers them.
        gate: logs peers in.
        diagnostics: the operator's log.
        ledger: the worker's memory and the site's disk.
        spool: files for large contents on their way in.
    """

    settings: SmtpSettings
    engine: SmtpConfig
    mailflow: Mailflow
    gate: Gate
    diagnostics: Diagnostics
    ledger: Ledger
    spool: Spool

    def engine_for(self, peer: PeerAddress | None) -> SmtpConfig:
        """The configuration of the engine for a peer; None is a unix socket's."""
        settings = self.settings
        normalizes = settings.bare_line_ends == "normalize"
        if not normalizes and peer is not None and settings.normalize_networks:
            address = exact(peer)
            normalizes = any(address in network for network in settings.normalize_networks)
        return replace(self.engine, normalizes_line_ends=True) if normalizes else self.engine

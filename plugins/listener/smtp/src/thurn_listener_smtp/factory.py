"""The plugin `listener.smtp`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from thurn.plugin import SPILL_OCTETS, ListenerContext, plugin
from thurn_kit.spool import Spool
from thurn_wire.smtp.config import Profile, SmtpConfig

from thurn_listener_smtp.listener import SmtpListener
from thurn_listener_smtp.settings import SmtpSettings

_PROFILES = {
    "mx": Profile.SMTP,
    "submission": Profile.SUBMISSION,
    "submissions": Profile.SUBMISSION,
    "lmtp": Profile.LMTP,
}


@plugin("listener", "smtp")
@asynccontextmanager
async def smtp(config: SmtpSettings, context: ListenerContext) -> AsyncIterator[SmtpListener]:
    """A listener for the host's sockets."""
    engine = SmtpConfig(
        context.hostname,
        profile=_PROFILES[config.profile],
        size_octets=config.size_limit,
        spill_octets=SPILL_OCTETS,
        recipients=config.recipients,
        errors=config.errors,
        chunking=config.chunking,
        smtputf8=config.smtputf8,
    )
    yield SmtpListener(config, engine, context, Spool(context.data / "tmp"))

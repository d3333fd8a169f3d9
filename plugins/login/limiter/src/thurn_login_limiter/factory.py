"""The plugin `login.limiter`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from thurn.plugin import Context, plugin

from thurn_login_limiter.limiter import Limiter, make_limiter
from thurn_login_limiter.settings import LimiterSettings


@plugin("login", "limiter")
@asynccontextmanager
async def limiter(config: LimiterSettings, context: Context) -> AsyncIterator[Limiter]:
    """The limiter of one instance; all workers share its tables."""
    yield await make_limiter(config, context)

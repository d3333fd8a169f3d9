"""The plugin `tls.files`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from thurn.plugin import Context, plugin

from thurn_tls_files.provider import FilesProvider
from thurn_tls_files.settings import FilesSettings


@plugin("tls", "files")
@asynccontextmanager
async def files(config: FilesSettings, context: Context) -> AsyncIterator[FilesProvider]:
    """The certificates of one instance."""
    yield FilesProvider(config, context)

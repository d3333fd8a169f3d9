"""The plugin `listener.imap`, and the hooks by which others extend it.

Rules of this file: each set of loaded plugins (a site's configuration) has a head of its own, so
that what one site loads never reaches another site in the same process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import pluggy
import trio
from thurn.plugin import Context, Factory, Guard, ListenerContext, hookimpl, hookspec
from thurn_kit.spool import Spool
from thurn_wire.imap.config import ImapConfig
from thurn_wire.imap.grammar.builtin import base_grammar

from thurn_listener_imap.commands.table import BASE, BASE_COMMANDS
from thurn_listener_imap.extension import ImapExtension
from thurn_listener_imap.extensions.bundled import BUNDLED
from thurn_listener_imap.fetch.source import KnownParts
from thurn_listener_imap.listener import ImapListener
from thurn_listener_imap.mailbox.followed import FollowedMailboxes
from thurn_listener_imap.parts import ImapParts
from thurn_listener_imap.registry import Extensions
from thurn_listener_imap.search.headertext import HeaderTexts
from thurn_listener_imap.settings import ImapSettings

DISTRIBUTION: Final = "thurn-listener-imap"


class ImapSpecs:
    """The hooks of the family imap."""

    @hookspec
    def thurn_imap_register_extension(self) -> Iterable[ImapExtension]:
        """Extensions without settings; they hold for every IMAP listener of the site."""
        return ()

    @hookspec
    def thurn_register_imap(self) -> Iterable[Factory]:
        """Extensions with settings; products are `ImapExtension`, named by a listener."""
        return ()


class ImapHead:
    """What one plugin manager has: the factory of listeners, and our own extensions."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self._manager = manager

    @hookimpl
    def thurn_register_listener(self) -> Iterable[Factory]:
        """The listener."""
        return (Factory("listener", "imap", ImapSettings, self._open, __name__),)

    @hookimpl
    def thurn_imap_register_extension(self) -> Iterable[ImapExtension]:
        """Our extensions, registered as those of strangers are."""
        return BUNDLED

    def _open(
        self, config: ImapSettings, context: Context
    ) -> AbstractAsyncContextManager[ImapListener]:
        return open_listener(config, context, self._extensions(config, context))  # type: ignore[arg-type]

    def _extensions(self, config: ImapSettings, context: Context) -> list[ImapExtension]:
        answers = self._manager.hook.thurn_imap_register_extension()
        loaded = [extension for answer in reversed(answers) for extension in answer]
        named = [context.require(ImapExtension, "imap", name) for name in config.extensions]
        # Ours come first, so that capabilities begin as clients know them.
        return sorted(loaded, key=lambda one: one not in BUNDLED) + named


def tables(extensions: Iterable[ImapExtension]) -> Extensions:
    """The tables of a listener with these extensions, besides the base.

    Raises:
        PluginError: two extensions claim the same thing, or a word has no meaning.
    """
    return Extensions((BASE, *extensions), base_grammar(), BASE_COMMANDS)


@asynccontextmanager
async def open_listener(
    config: ImapSettings, context: ListenerContext, extensions: Iterable[ImapExtension]
) -> AsyncIterator[ImapListener]:
    """The listener with these extensions; its tasks live as long as it does.

    Raises:
        PluginError: see `tables`.
    """
    guards: tuple[Any, ...] = tuple(
        context.require(Guard, "guard", name)  # type: ignore[type-abstract]
        for name in config.guards
    )
    engine, extended = ImapConfig(append_octets=config.size_limit), tables(extensions)
    spool, known_parts, texts = Spool(context.data / "tmp"), KnownParts(), HeaderTexts()
    async with trio.open_nursery() as nursery:
        followed = FollowedMailboxes(nursery, context.diagnostics)
        parts = ImapParts(
            config, engine, context, extended, guards, spool, known_parts, texts, followed
        )
        try:
            yield ImapListener(parts)
        finally:
            texts.close()
            nursery.cancel_scope.cancel()


class ImapPlugin:
    """The entry point; it registers a head in each plugin manager."""

    def thurn_register_listener(self) -> Iterable[Factory]:
        """The listener with the extensions of this distribution alone. This is no hook: it is for
        those who look at a plugin without a plugin manager (documentation, checks)."""

        def open_alone(
            config: ImapSettings, context: Context
        ) -> AbstractAsyncContextManager[ImapListener]:
            return open_listener(config, context, BUNDLED)  # type: ignore[arg-type]

        return (Factory("listener", "imap", ImapSettings, open_alone, __name__),)

    @hookimpl
    def thurn_addhooks(self, manager: pluggy.PluginManager) -> None:
        """Declare the family's hooks, and put a head into this manager."""
        manager.add_hookspecs(ImapSpecs)
        manager.register(ImapHead(manager), f"{DISTRIBUTION}:head")


imap: Final = ImapPlugin()

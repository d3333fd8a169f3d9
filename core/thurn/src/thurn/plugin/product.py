"""The second form of a plugin: an async context manager that makes a product."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from thurn.contracts.factory import Factory
from thurn.plugin.signature import callers_names, read_shape

Open = Callable[..., AbstractAsyncContextManager[Any]]


def plugin(role: str, type_name: str, *, owns_records: bool = False) -> Callable[[Open], Factory]:
    """Make an async context manager function the plugin `<role>.<type_name>`.

        @plugin("store", "memory")
        @asynccontextmanager
        async def memory(config: MemorySettings, context: Context) -> AsyncIterator[MailStore]:
            yield MemoryStore()

    The function takes `config`, `context`, both or none. What it yields is the product: it has the
    members of the role's contract (`thurn.hooks.roles`), which is checked when it opens.

    Args:
        role: the role, such as "filter".
        type_name: the word that a section has as its `type`.
        owns_records: whether the product registers with the commit log.

    Raises:
        PluginError: the signature is wrong; the text has file and line.
    """
    names = callers_names()

    def decorate(function: Open) -> Factory:
        shape = read_shape(function, f"{role} plugin", (), names)
        takes_config, takes_context = (name in shape.constants for name in ("config", "context"))

        def open_product(config: Any, context: Any) -> AbstractAsyncContextManager[Any]:  # noqa: ANN401
            constants = {"config": config} if takes_config else {}
            if takes_context:
                constants["context"] = context
            return function(**constants)

        return Factory(role, type_name, shape.settings, open_product, shape.source, owns_records)

    return decorate

"""Runs a file of tests; give it a registry with more extensions to test those."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from thurn_sieve.context import Account, Context, Envelope
from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.engine import Engine
from thurn_sieve.ext.extensions import shipped
from thurn_sieve.limits import Limits
from thurn_sieve.parser import parse
from thurn_sieve.registry import Registry
from thurn_sieve.syntax import Text
from thurn_sieve.testsuite.extension import EXTENSION, Aborted
from thurn_sieve.testsuite.state import CAPABILITY, Suite, prepare

MESSAGE: Final = (
    b"From: sender@example.com\r\nTo: me@example.org\r\nSubject: Frop\r\n\r\nFriep!\r\n"
)
"""What tests see that set no message of their own."""
NO_SCRIPTS: Final[Mapping[str, str]] = MappingProxyType({})
NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def make_engine(registry: Registry | None = None) -> Engine:
    """An engine with the testsuite's commands."""
    registry = (registry or shipped()).copy()
    if CAPABILITY not in registry.extensions:
        registry.add(EXTENSION)
    return Engine(registry)


def list_tests(source: bytes) -> list[str]:
    """The names of the tests in a file, without running it."""
    _, root = parse(source, Limits(), Diagnostics(1))
    return [
        node.arguments[0].value
        for node in root
        if node.name == "test" and node.arguments and isinstance(node.arguments[0], Text)
    ]


async def run_suite(
    source: bytes,
    *,
    name: str = "",
    engine: Engine | None = None,
    scripts: Mapping[str, str] = NO_SCRIPTS,
) -> Suite:
    """What became of the tests of a file.

    Args:
        source: of the tests.
        name: for messages.
        engine: with the testsuite's commands.
        scripts: name → text of those that `include :personal` finds.

    Raises:
        CompileError: the file is no script.

    Returns:
        The suite; a failure named "" is one outside of all tests.
    """
    engine = engine or make_engine()
    context = Context(
        MESSAGE,
        envelope=Envelope("sender@example.com", "me@example.org"),
        account=Account("me", ("me@example.org",)),
        now=NOW,
    )
    suite = prepare(context)
    suite.repository.sources.update({("personal", key): text for key, text in scripts.items()})
    script = engine.compile(source, name=name)
    try:
        result = await engine.evaluate(script, context)
    except Aborted as aborted:
        suite.failures[""] = str(aborted)
    else:
        if result.errors:
            suite.failures[""] = str(result.errors[0])
    return suite

"""Runs a file of tests; with a registry of more extensions, the tests can use those too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from thurn_sieve.context import Account, Context, Envelope
from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.engine import NO_SETTINGS, Engine
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
"""The message of a test that sets none."""
NO_SCRIPTS: Final[Mapping[str, str]] = MappingProxyType({})
NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""The time of a test that sets none."""


def make_engine(
    registry: Registry | None = None,
    *,
    limits: Limits | None = None,
    settings: Mapping[str, object] = NO_SETTINGS,
) -> Engine:
    """An engine with the commands of the testsuite, and all shipped extensions by default.

    Args:
        registry: the extensions; None means all that are shipped.
        limits: the bounds of the scripts that are tested; None means the defaults. A source may
            always have the default size, because a file of tests is larger than what it tests.
        settings: the settings of extensions; those that a test sets override them.
    """
    registry = (registry or shipped()).copy()
    if CAPABILITY not in registry.extensions:
        registry.add(EXTENSION)
    given, default = limits or Limits(), Limits()
    source_octets = max(given.source_octets, default.source_octets)
    return Engine(registry, limits=replace(given, source_octets=source_octets), settings=settings)


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
    """Run the tests of a file.

    Args:
        source: the text of the file.
        name: the name that messages give the file.
        engine: an engine of `make_engine`; None means one with all shipped extensions.
        scripts: name → text of the scripts that `include :personal` finds.

    Returns:
        The state after the run; a failure with the name "" is an error outside of all tests.

    Raises:
        CompileError: the file does not compile.
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

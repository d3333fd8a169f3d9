"""The conformance kit of scripts of accounts (`thurn.contracts.scripts.AccountScripts`).

    async def test_contract():
        await check_scripts(product.scripts(account), valid=[b"keep;", b"stop;"], invalid=b"frob;")

Whoever manages scripts relies on it: only texts without errors are stored, at most one script is
active, and nothing that was refused has happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from thurn.contracts.scripts import (
    AccountScripts,
    ScriptActive,
    ScriptExists,
    ScriptNameRefused,
    ScriptNotFound,
    ScriptRefused,
)

from thurn_testing.contracts.expectation import expect, expect_equal, refused, run_in_turn

NAMES: Final = ("a", "b", "Z \N{LATIN SMALL LETTER U WITH DIAERESIS} ../x")
"""Names of the kit's scripts: a name is data, never a path."""
MESSAGE: Final = b"From: x@example.net\r\nTo: alice@example.org\r\nSubject: kit\r\n\r\nbody\r\n"


async def check_scripts(scripts: AccountScripts, *, valid: Sequence[bytes], invalid: bytes) -> None:
    """Everything that the contract promises holds for these scripts.

    Args:
        scripts: of an account without any.
        valid: two different texts without errors.
        invalid: a text with an error.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    await run_in_turn(
        "scripts",
        partial(_check_empty, scripts),
        partial(_check_texts, scripts, valid, invalid),
        partial(_check_names, scripts, valid[0]),
        partial(_check_versions, scripts, valid),
        partial(_check_active, scripts, valid[0]),
        partial(_check_rename, scripts, valid[0]),
        partial(_check_trace, scripts, valid[0], invalid),
        partial(_check_deletion, scripts),
    )


async def _check_empty(scripts: AccountScripts) -> None:
    """The kit begins with an account that has no scripts."""
    expect_equal(list(await scripts.list()), [], "the kit needs an account without scripts")


async def _check_deletion(scripts: AccountScripts) -> None:
    """All scripts can be deleted once none is active."""
    await scripts.activate(None)
    for record in await scripts.list():
        await scripts.delete(record.name)
    expect_equal(list(await scripts.list()), [], "what is deleted is gone")


async def _check_texts(scripts: AccountScripts, valid: Sequence[bytes], invalid: bytes) -> None:
    for source in valid:
        severities = [one.severity for one in await scripts.check(source)]
        expect("error" not in severities, "a valid text has no errors")
    errors = [one for one in await scripts.check(invalid) if one.severity == "error"]
    expect(errors, "an invalid text has errors")
    for one in errors:
        expect(one.line >= 1 and one.column >= 1, "an error has a place")
        expect(one.message.isprintable(), "a message is one line")
    with refused(ScriptRefused, "a text with errors is not stored"):
        await scripts.put(NAMES[0], invalid)
    expect_equal(list(await scripts.list()), [], "and leaves nothing behind")


async def _check_names(scripts: AccountScripts, source: bytes) -> None:
    longest = scripts.capabilities.name_characters
    for name in ("", "a\0", "a\nb", "x" * (longest + 1)):
        with refused(ScriptNameRefused, f"the name {name[:20]!r} is refused"):
            await scripts.put(name, source)
    for name in (*NAMES, "x" * longest):
        stored = await scripts.put(name, source)
        expect_equal(stored.record.name, name, "a name is kept as it is")
        expect_equal(await scripts.get(name), source, "a text is kept octet by octet")
    await scripts.delete("x" * longest)
    names = [one.name for one in await scripts.list()]
    expect_equal(names, sorted(NAMES), "a list is in name order")
    with refused(ScriptNotFound, "nobody has this script"):
        await scripts.get("absent")
    with refused(ScriptNotFound, "what is absent has no history"):
        await scripts.history("absent")
    with refused(ScriptNotFound, "what is absent cannot be deleted"):
        await scripts.delete("absent")


async def _check_versions(scripts: AccountScripts, valid: Sequence[bytes]) -> None:
    first, second = valid[:2]
    before = (await scripts.history(NAMES[0]))[-1].version
    stored = await scripts.put(NAMES[0], second)
    expect_equal(stored.record.version, before + 1, "a change makes the next version")
    expect_equal(await scripts.get(NAMES[0]), second, "the newest version counts")
    expect_equal(await scripts.get(NAMES[0], version=before), first, "older ones are kept")
    versions = [one.version for one in await scripts.history(NAMES[0])]
    expect_equal(versions, sorted(versions), "a history is in order, oldest first")
    with refused(ScriptNotFound, "there is no such version"):
        await scripts.get(NAMES[0], version=before + 100)


async def _active(scripts: AccountScripts) -> list[str]:
    return [one.name for one in await scripts.list() if one.active]


async def _check_active(scripts: AccountScripts, source: bytes) -> None:
    expect_equal(await _active(scripts), [], "no script is active by itself")
    with refused(ScriptNotFound, "then there is no active script to get"):
        await scripts.get()
    stored = await scripts.put(NAMES[1], source, activate=True)
    expect(stored.record.active, "a put can activate")
    await scripts.activate(NAMES[0])
    expect_equal(await _active(scripts), [NAMES[0]], "one script is active at most")
    await scripts.put(NAMES[0], source)
    expect_equal(await _active(scripts), [NAMES[0]], "a put leaves it active")
    expect_equal(await scripts.get(), source, "the active script is got without a name")
    with refused(ScriptNotFound, "what is absent cannot be activated"):
        await scripts.activate("absent")
    with refused(ScriptActive, "the active script is not deleted"):
        await scripts.delete(NAMES[0])
    expect_equal(await _active(scripts), [NAMES[0]], "and stays active")


async def _check_rename(scripts: AccountScripts, source: bytes) -> None:
    with refused(ScriptNotFound, "what is absent cannot be renamed"):
        await scripts.rename("absent", "new")
    with refused(ScriptExists, "a name that is taken is refused"):
        await scripts.rename(NAMES[0], NAMES[1])
    with refused(ScriptNameRefused, "a new name is a name"):
        await scripts.rename(NAMES[0], "")
    await scripts.rename(NAMES[0], "new")
    names = [one.name for one in await scripts.list()]
    expect_equal(names, sorted(["new", *NAMES[1:]]), "a rename moves one script")
    expect_equal(await _active(scripts), ["new"], "the active script stays active")
    expect_equal(await scripts.get("new"), source, "with its text")


async def _check_trace(scripts: AccountScripts, source: bytes, invalid: bytes) -> None:
    before = list(await scripts.list())
    trace = await scripts.trace(
        source, MESSAGE, sender="x@example.net", recipient="alice@example.org"
    )
    expect_equal(trace.errors, (), "a valid text runs to its end")
    expect(trace.actions, "and something becomes of the message")
    with refused(ScriptRefused, "a text with errors is not run"):
        await scripts.trace(invalid, MESSAGE, sender=None, recipient="alice@example.org")
    expect_equal(list(await scripts.list()), before, "a trace changes nothing")

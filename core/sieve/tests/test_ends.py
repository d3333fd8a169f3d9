"""The ends of a run, and the result after each. RFC 5228 §2.10.6, RFC 5293 §6."""

from __future__ import annotations

import pytest
from thurn_sieve.context import Context
from thurn_sieve.engine import Engine
from thurn_sieve.ext.extensions import shipped
from thurn_sieve.registry import Extension, SideEffect
from thurn_sieve.testsuite.memory import MemoryDuplicates, MemoryExecutor, MemoryMailboxes

MESSAGE = b"Subject: hello\r\n\r\nbody\r\n"


@pytest.fixture
def context():
    return Context(MESSAGE)


async def performed(engine, result, context):
    executor = MemoryExecutor(MemoryMailboxes(), MemoryDuplicates(context))
    outcome = await engine.perform(result, executor)
    assert outcome.ok
    return executor.mailboxes.stored


async def test_after_an_error_what_came_in_is_kept(engine, context):
    """RFC 5293 §6: after an error the implicit keep has the unmodified header."""
    script = engine.compile(
        'require ["editheader", "ihave", "fileinto"];'
        'addheader "X" "y"; fileinto "edited"; addheader "X" "z"; error "no";'
    )
    result = await engine.evaluate(script, context)
    assert result.keep
    assert result.message == context.message == MESSAGE
    stored = await performed(engine, result, context)
    assert [one.message for one in stored["INBOX"]] == [MESSAGE]
    assert [one.message for one in stored["edited"]] == [b"X: y\r\n" + MESSAGE]


async def test_an_error_leaves_the_edits_of_scripts_before(engine, context):
    edits = engine.compile('require "editheader"; addheader "X" "y";')
    fails = engine.compile('require ["editheader", "ihave"]; deleteheader "X"; error "no";')
    result = await engine.evaluate_chain([(edits, "before"), (fails, "personal")], context)
    assert result.message == b"X: y\r\n" + MESSAGE


async def test_a_side_effect_that_fails_on_the_implicit_keep_is_an_error_of_the_run():
    def apply(rt, action, args):
        raise KeyError("odd")

    registry = shipped()
    effect = SideEffect("odd", None, ("keep",), apply, always=True)
    registry.add(Extension("vnd.odd", side_effects=[effect]))
    engine, context = Engine(registry), Context(MESSAGE)
    result = await engine.evaluate(engine.compile('require "vnd.odd";'), context)
    (fault,) = result.errors
    assert (fault.code, type(fault.cause)) == ("internal", KeyError)
    assert result.keep
    assert len((await performed(engine, result, context))["INBOX"]) == 1


async def test_flags_of_an_included_script_are_those_of_the_implicit_keep(engine, context):
    """RFC 5232 §2: all scripts that require the extension share one internal variable."""
    flags = engine.compile('require "imap4flags"; addflag "\\\\Flagged";')
    plain = engine.compile("")
    result = await engine.evaluate_chain([(flags, "before"), (plain, "personal")], context)
    (stored,) = (await performed(engine, result, context))["INBOX"]
    assert stored.flags == ["\\Flagged"]

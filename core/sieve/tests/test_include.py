"""Included scripts, in cases that tests written in Sieve cannot show. RFC 6609."""

from __future__ import annotations

from contextlib import suppress

import pytest
from thurn_sieve.context import Context
from thurn_sieve.engine import Engine
from thurn_sieve.errors import RunError
from thurn_sieve.ext.extensions import shipped
from thurn_sieve.limits import Limits
from thurn_sieve.registry import Command, Extension
from thurn_sieve.testsuite.memory import MemoryMailboxes, MemoryRepository

MESSAGE = b"Subject: hello\r\n\r\nbody\r\n"


@pytest.fixture
def context():
    context = Context(MESSAGE)
    context.repository = MemoryRepository()
    return context


async def test_the_place_of_an_error_behind_an_include(engine, context):
    """The place of an error is not in an included script that ended without an error."""
    context.repository.sources["personal", "inner"] = 'require "include";\n\n\n\n\nreturn;'
    script = engine.compile(
        'require ["include", "ihave"];\ninclude "inner";\nerror "mine";', name="outer"
    )
    (fault,) = (await engine.evaluate(script, context)).errors
    assert (fault.script, fault.line) == ("outer", 3)


async def test_the_place_of_an_error_in_an_include(engine, context):
    context.repository.sources["personal", "inner"] = 'require "ihave";\n\nerror "its";'
    script = engine.compile('require "include";\ninclude "inner";', name="outer")
    (fault,) = (await engine.evaluate(script, context)).errors
    assert (fault.script, fault.line) == ("inner", 3)


async def test_global_variables_count_with_all_others(context):
    engine = Engine(shipped(), limits=Limits(variables_characters=10_000))
    sets = "".join(f'set "global.v{number}" "${{a}}";' for number in range(9))
    start = 'require ["include", "variables"]; set "a" "' + "x" * 4_000 + '";'
    result = await engine.evaluate(engine.compile(start + sets), context)
    assert [fault.code for fault in result.errors] == ["variables-too-large"]
    # A value that replaces one of the same size needs no more room.
    again = 'set "global.v" "${a}";' * 50
    assert (await engine.evaluate(engine.compile(start + again), context)).errors == []


async def test_a_script_of_the_site_may_have_the_name_of_what_it_includes(engine, context):
    context.repository.sources["personal", "vacation"] = "discard;"
    script = engine.compile('require "include"; include "vacation";', name="vacation")
    result = await engine.evaluate_chain([(script, "before")], context)
    assert result.errors == []
    assert [action.name for action in result.actions] == ["discard"]
    result = await engine.evaluate_chain([(script, "personal")], context)
    assert [fault.code for fault in result.errors] == ["recursive-include"]


async def test_once_is_for_what_ran_to_its_end(engine, context):
    """An extension that catches a run-time error may include the script again."""

    async def attempt(rt, args, run_block):
        with suppress(RunError):
            await run_block()

    def prepare(rt, args):
        context.mailboxes.stored["ready"] = []

    registry = shipped()
    commands = [Command("attempt", block=True, run=attempt), Command("ready", run=prepare)]
    registry.add(Extension("vnd.attempt", commands=commands))
    engine = Engine(registry)
    context.repository.sources["personal", "inner"] = (
        'require ["ihave", "fileinto", "mailbox"];'
        'if mailboxexists "ready" { fileinto "x"; } else { error "not yet"; }'
    )
    context.mailboxes = MemoryMailboxes()

    once = 'attempt { include :once "inner"; }'
    script = engine.compile(f'require ["include", "vnd.attempt"]; {once} ready; {once} {once}')
    result = await engine.evaluate(script, context)
    assert [action.name for action in result.actions] == ["store"]

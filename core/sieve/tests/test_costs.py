"""The cost of one run is bounded for every script and message: a run without steps ends."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from thurn_sieve.context import Context
from thurn_sieve.diagnostics import CompileError
from thurn_sieve.engine import Engine
from thurn_sieve.ext.extensions import shipped
from thurn_sieve.limits import Limits

SOURCE_OCTETS = 262_144
"""Octets of the largest script at a site with default settings."""
ENGINE = Engine(shipped(), limits=Limits(source_octets=SOURCE_OCTETS))
SECONDS = 4.0
"""Processor time in seconds that a run may take; runs take less than one second, and would take six
to 250 seconds without the bounds."""
COMPILATIONS = 4
"""The same bound for a slow machine, as a multiple of the time to compile the script."""
MEMORY_OCTETS = 100_000_000

REQUIRE = 'require ["variables", "imap4flags", "body", "editheader"];'
PLAIN = b"Subject: hello\r\n\r\nbody\r\n"
EDITED = 'addheader "X" "1";'
TWELVE = "${a}" * 12


def grown(text):
    """Commands that fill the variable `a` with this text up to its bound."""
    return f'set "a" "{text}";' + 'set "a" "${a}${a}";' * 17


def often(unit, octets=220_000):
    """The unit, repeated as often as a script can hold it."""
    return unit * (octets // len(unit))


SCRIPTS = {
    "stars": (grown("*") + often(f'if string :matches "" "{TWELVE}" {{ stop; }}'), PLAIN),
    "question marks": (grown("?") + often(f'if string :matches "" "{TWELVE}" {{ stop; }}'), PLAIN),
    "backslashes": (
        grown("\\\\\\\\x") + often(f'if string :matches "" "{TWELVE}" {{ stop; }}'),
        PLAIN,
    ),
    "keys": (
        grown("A") + 'if header "subject" [' + often('"${a}",', 60_000) + '"x"] { stop; }',
        PLAIN,
    ),
    "names by fields": (
        'if header ["' + '","'.join(["a"] * 10_000) + '"] "x" { stop; }',
        b"a: 1\r\n" * 5_000 + b"\r\n",
    ),
    "addresses": (
        often(EDITED + 'if address "to" "x" { stop; }'),
        b"To: " + b"a " * 120_000 + b"\r\n\r\n",
    ),
    "comments": (
        often(EDITED + 'if address "to" "x" { stop; }'),
        b"To: " + b"(" * 240_000 + b"\r\n\r\n",
    ),
    "HTML": (
        often(EDITED + 'if body :text "x" { stop; }'),
        b"Content-Type: text/html\r\n\r\n" + b"<a>" * 300_000,
    ),
    "parts": (
        often(EDITED + 'if body :content "image" "x" { stop; }'),
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        + b"--x\r\n\r\nfoo\r\n" * 900
        + b"--x--\r\n",
    ),
    "edits": (often(EDITED + 'deleteheader "X";'), b"a: 1\r\n" * 4_990 + b"\r\n"),
    "flags": (grown("a ") + often('addflag "${a}";'), PLAIN),
    "no flags": (grown("( ") + often('if hasflag "${a}" { stop; }', 150_000), PLAIN),
    "modifiers": (
        grown("*") + often(f'set :quotewildcard :lower "b" "{"${a}" * 10}";'),
        PLAIN,
    ),
}


async def cost(source, message):
    begun = time.process_time()
    script = ENGINE.compile(REQUIRE + source)
    compiled = time.process_time()
    result = await ENGINE.evaluate(script, Context(message))
    most = max(SECONDS, COMPILATIONS * (compiled - begun))
    assert time.process_time() - compiled < most
    return result


@pytest.mark.parametrize("kind", SCRIPTS)
async def test_the_budget_ends_it(kind):
    result = await cost(*SCRIPTS[kind])
    assert [fault.code for fault in result.errors] == ["too-many-steps"]
    assert result.keep


@pytest.mark.parametrize("kind", ["keys", "names by fields", "stars"])
async def test_before_it_is_in_memory(kind):
    source, message = SCRIPTS[kind]
    script, context = ENGINE.compile(REQUIRE + source), Context(message)
    tracemalloc.start()
    try:
        await ENGINE.evaluate(script, context)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_OCTETS
    finally:
        tracemalloc.stop()


async def test_versions_of_a_large_message_are_bounded():
    engine = Engine(shipped(), limits=Limits(edited_octets=10_000_000))
    message = b"Subject: x\r\n\r\n" + b"x" * 2_000_000
    filed = "".join(
        f'{EDITED} fileinto :copy "a{number}"; fileinto :copy "b{number}";' for number in range(9)
    )
    script = engine.compile('require ["editheader", "fileinto", "copy"];' + filed)
    result = await engine.evaluate(script, Context(message))
    assert [fault.code for fault in result.errors] == ["too-large"]
    assert [action.mailbox for action in result.actions][-1] == "b3"


@pytest.mark.parametrize("pattern", ["*" * 1_001, "*?" * 50_000])
def test_stars_of_a_pattern_are_bounded_at_upload(pattern):
    with pytest.raises(CompileError, match="1000"):
        ENGINE.compile(f'if header :matches "subject" "{pattern}" {{ stop; }}')


async def test_ordinary_work_is_far_from_the_bound():
    """A long script for a long newsletter to many recipients costs a tenth of the steps."""
    message = (
        b"To: " + b", ".join(b"reader%d@example.org" % number for number in range(200)) + b"\r\n"
        b"Content-Type: text/html\r\n\r\n" + b"<p>word <b>word</b></p>\r\n" * 5_000
    )
    tests = "".join(
        f'if address "to" "r{number}@x.example" {{ stop; }}'
        f'if header :matches "subject" "*{number}*" {{ stop; }}'
        f'if body :contains "nothing like that {number}" {{ stop; }}'
        for number in range(20)
    )
    engine = Engine(shipped(), limits=Limits(steps=Limits().steps // 10))
    result = await engine.evaluate(engine.compile(REQUIRE + tests), Context(message))
    assert result.errors == []

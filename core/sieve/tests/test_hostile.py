"""Scripts that would cost time or memory: they do not compile, or end with the message kept."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from thurn_sieve.context import Context
from thurn_sieve.diagnostics import CompileError
from thurn_sieve.engine import Engine
from thurn_sieve.errors import RunError
from thurn_sieve.ext.extensions import shipped
from thurn_sieve.limits import MATCH_VALUES, Limits
from thurn_sieve.matching.glob import Glob
from thurn_sieve.result import Keep

ENGINE = Engine(shipped())
LIMITS = Limits()
MESSAGE = b"Subject: hello\r\n\r\nbody\r\n"
DEEP = 100_000


def codes(source):
    with pytest.raises(CompileError) as caught:
        ENGINE.compile(source)
    return {
        diagnostic.code for diagnostic in caught.value.diagnostics if diagnostic.severity == "error"
    }


def run(source, message=MESSAGE, engine=ENGINE):
    return engine.evaluate_nowait(engine.compile(source), Context(message))


def failed(result, code):
    """The run ended with this error, and the message is kept. RFC 5228 §2.10.6."""
    assert [fault.code for fault in result.errors] == [code], result.errors
    assert result.keep
    return True


# depth, at upload. RFC 5228 §2.10.7: at least 15 levels of each.

NESTED = {
    "blocks": lambda n: "if true {" * n + "keep;" + "}" * n,
    "else": lambda n: "if false {} else {" * n + "keep;" + "}" * n,
    "not": lambda n: "if " + "not " * (n - 1) + "true { keep; }",
    "allof": lambda n: "if " + "allof(" * (n - 1) + "true" + ")" * (n - 1) + " { keep; }",
    "anyof of two": lambda n: (
        "if " + "anyof(false, " * (n - 1) + "true" + ")" * (n - 1) + " { keep; }"
    ),
}


@pytest.mark.parametrize("kind", NESTED)
def test_depth_is_bounded_at_upload(kind):
    for levels in (15, LIMITS.nesting):
        assert run(NESTED[kind](levels)).errors == []
    assert "nesting-too-deep" in codes(NESTED[kind](LIMITS.nesting + 1))
    assert codes(NESTED[kind](DEEP // 2)) & {"nesting-too-deep", "too-large"}


@pytest.mark.parametrize(
    "source",
    [
        "if true {" * DEEP,
        "if allof(" * DEEP,
        "if " + "not " * DEEP,
        "[" * DEEP,
        "(" * DEEP,
        "}" * DEEP,
        ")" * DEEP,
        "keep" + "(" * DEEP + ")" * DEEP + ";",
        "if header [" + "[" * DEEP + '"a"' + "]" * DEEP + ' "b" {}',
        "/*" * DEEP,
        '"\\' * DEEP,
        "text:\n." * DEEP,
        "if true { } " + "elsif true { } " * DEEP,
    ],
    ids=lambda source: source[:24].strip(),
)
def test_depth_without_end_is_an_error_and_no_recursion(source):
    assert codes(source)


def test_a_script_of_many_commands_is_refused_at_upload():
    assert codes("keep;" * (LIMITS.nodes + 1)) == {"too-large"}
    assert codes("#" * (LIMITS.source_octets + 1)) == {"too-large"}
    assert "too-large" in codes('if exists ["a"' + ',"a"' * LIMITS.list_items + "] {}")


# patterns

STARS = "*a" * 200 + "*b"
PATTERNS = {
    "stars and a miss": STARS,
    "stars around": "*a" * 200 + "b*",
    "stars alone": "*" * 1_000 + "b",
    "question marks": "*" + "a?" * 30 + "b*",
    "many question marks": "*" + "a?" * 400 + "b",
    "question marks first": "?" * 500 + "*a*b",
    "backslashes": "*\\a" * 200 + "*b",
    "almost everywhere": "*" + "a" * 1_000 + "b*" + "a" * 1_000 + "*",
}


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_cost_in_proportion_to_the_text(name):
    """64 times the text takes less than 20 * 64 times as long; quadratic time would be 64 * 64."""
    glob = Glob(PATTERNS[name])

    def seconds(size):
        begun = time.process_time()
        assert not glob.fits("a" * size)
        return max(time.process_time() - begun, 0.001)

    assert seconds(64 * 4_000) < 20 * 64 * min(seconds(4_000) for _ in range(3))


def test_a_segment_is_sought_once():
    """Nothing is tried twice: there are as many searches as there are segments, for every text."""
    looked = []

    class Text(str):
        __slots__ = ()

        def find(self, *what):
            looked.append(what)
            return super().find(*what)

    for size in (500, 50_000):
        looked.clear()
        assert Glob("*a" * 200 + "b*").places(Text("a" * size)) is None
        assert len(looked) == 200


def test_a_pattern_that_is_too_wild_ends_the_run():
    with pytest.raises(RunError):
        Glob("*" + "?a" * 20_000 + "*").fits("b" * 50_000)
    script = 'if header :matches "subject" "*' + "?a" * 20_000 + '*" { discard; }'
    failed(run(script, b"Subject: " + b"b" * 50_000 + b"\r\n\r\n"), "too-large")


@pytest.mark.parametrize(
    "match", [':matches "' + STARS + '"', ':matches "*?a?b*"', ':contains "b"']
)
def test_200_tests_on_megabytes_end_at_the_budget(match):
    script = 'require "body";' + f"if body :raw {match} {{ discard; }}\n" * 200
    begun = time.process_time()
    assert failed(run(script, b"Subject: x\r\n\r\n" + b"a" * 2_000_000), "too-many-steps")
    assert time.process_time() - begun < 20


def test_a_large_field_looked_at_by_many_keys_ends_at_the_budget():
    keys = ",".join(f'"k{number}"' for number in range(2_000))
    result = run(
        f'if header :contains "subject" [{keys}] {{ discard; }}',
        b"Subject: " + b"a" * 100_000 + b"\r\n\r\n",
    )
    failed(result, "too-many-steps")


# variables


def measured(work):
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_doubling_is_cut_at_the_bound():
    """RFC 5229 §6: a long value is cut; 4,000 characters must be kept."""
    script = 'require ["variables", "fileinto"]; set "a" "x";' + 'set "a" "${a}${a}";' * 60
    result, octets = measured(lambda: run(script + 'set :length "n" "${a}"; fileinto "${n}";'))
    assert [action.mailbox for action in result.actions] == [str(LIMITS.variable_characters)]
    assert octets < 16 * LIMITS.variable_characters


@pytest.mark.parametrize("modifier", [":quotewildcard", ":upper :quotewildcard"])
def test_what_modifiers_add_is_cut_too(modifier):
    script = 'require ["variables", "fileinto"]; set "a" "*";' + (
        'set "a" "${a}${a}";' * 16 + f'set {modifier} "a" "${{a}}";' * 20
    )
    result = run(script + 'set :length "n" "${a}"; fileinto "${n}";')
    assert [action.mailbox for action in result.actions] == [str(LIMITS.variable_characters)]


def test_many_large_variables_are_bounded_together():
    """Characters beyond the first plane are four octets each in memory."""
    script = (
        'require "variables"; set "a" "\U0001f600\U0001f600\U0001f600\U0001f600";'
        + 'set "a" "${a}${a}${a}${a}";' * 7
        + "".join(f'set "v{number}" "{number}${{a}}";' for number in range(200))
    )
    ENGINE.compile(script)
    result, octets = measured(lambda: run(script))
    failed(result, "variables-too-large")
    assert octets < 8 * LIMITS.variables_characters


async def test_variables_of_included_scripts_count_while_they_run():
    class Repository:
        async def source(self, name, *, location):
            return (
                'require ["variables", "include"]; set "a" "0123456789";'
                + 'set "a" "${a}${a}${a}${a}${a}${a}${a}${a}";' * 3
                + "".join(f'set "v{number}" "${{a}}";' for number in range(50))
                + ('include "two";' if name == "one" else "")
            )

    engine = Engine(shipped(), limits=Limits(variables_characters=400_000))
    context = Context(MESSAGE)
    context.repository = Repository()
    alone = 'require "include";' + 'include "two";' * 8
    result = await engine.evaluate(engine.compile(alone), context)
    assert result.errors == []
    result = await engine.evaluate(engine.compile('require "include"; include "one";'), context)
    failed(result, "variables-too-large")


def test_what_variables_need_fits():
    """RFC 5229 §6: 128 variables of 4,000 characters, with names of 32."""
    script = (
        'require ["variables", "fileinto"]; set "x" "'
        + "y" * 4_000
        + '";'
        + "".join(f'set "{"n" * 28}{number:04}" "${{x}}";' for number in range(127))
        + 'set :length "l" "${'
        + "n" * 28
        + '0126}"; fileinto "${l}";'
    )
    result = run(script)
    assert result.errors == []
    assert result.actions[0].mailbox == "4000"


@pytest.mark.parametrize("reference", ["${a" * 1_000 + "}" * 1_000, "${" * 5_000 + "a}" * 5_000])
def test_nested_references_are_expanded_once(reference):
    """RFC 5229 §3: text that is not a reference stays, and values are not expanded again."""
    script = (
        'require ["variables", "fileinto"]; set "a" "${b}"; set "b" "no";'
        f'if string :contains "{reference}" "${{b}}no" {{ discard; }}'
        'set "d" "$"; set "c" "${d}{b}"; fileinto "${c}";'
    )
    result = run(script)
    assert result.errors == []
    assert [action.mailbox for action in result.actions] == ["${b}"]


def test_match_variables_end_at_a_bound():
    assert codes('require "variables"; set "a" "${200}";') == {"invalid-variable"}
    assert codes('require "variables"; set "a" "${' + "9" * 400 + '}";') == {"invalid-variable"}
    script = 'require ["variables", "fileinto"]; if string :matches "%s" "%s" { fileinto "${%d}"; }'
    most = MATCH_VALUES
    result = run(script % ("x" * 200, "?" * 200, most))
    assert [action.mailbox for action in result.actions] == ["x"]


def test_flags_by_the_thousand_are_bounded():
    script = 'require ["imap4flags", "variables"]; set "f" "a b c d e f g h";' + "".join(
        f'addflag "{" ".join(f"k{number}-{each}" for each in range(50))}";' for number in range(200)
    )
    (keep,) = [one for one in run(script + "keep;").actions if isinstance(one, Keep)]
    assert len(keep.flags) <= 1_000


# include: RFC 6609 §3.1


class Library:
    """Scripts that include the next one; the name is the number of levels below."""

    def __init__(self):
        self.asked = []

    async def source(self, name, *, location):
        self.asked.append((location, name))
        if name == "self":
            return 'require "include"; include "self";'
        if name.isdigit() and int(name):
            return f'require "include"; include "{int(name) - 1}";'
        return "discard;" if name == "0" else None


async def included(source):
    context = Context(MESSAGE)
    context.repository = library = Library()
    script = ENGINE.compile('require ["include", "variables"];' + source)
    return await ENGINE.evaluate(script, context), library


async def test_include_is_bounded_in_depth_and_number():
    result, _ = await included(f'include "{LIMITS.include_depth - 1}";')
    assert result.errors == []
    assert not result.keep
    result, library = await included(f'include "{LIMITS.include_depth + 1}";')
    failed(result, "too-many-includes")
    assert len(library.asked) <= LIMITS.include_depth + 1
    result, library = await included('include "0";' * (LIMITS.includes + 1))
    failed(result, "too-many-includes")


async def test_include_of_oneself():
    result, _ = await included('include "self";')
    failed(result, "recursive-include")


@pytest.mark.parametrize(
    "name", ["../0", "/etc/passwd", "..", ".", "~alice/0", "a/../0", "\\\\..\\\\0", "0.sieve"]
)
async def test_names_of_includes_are_looked_up_and_are_no_paths(name):
    result, library = await included(f'include :global "{name}";')
    failed(result, "missing-script")
    assert library.asked == [("global", name.replace("\\\\", "\\"))]


@pytest.mark.parametrize("name", ["a\r\nb", "a\nb", "a\0b", "\x7f", "\u2028", "a" * 600, ""])
async def test_names_of_includes_that_are_none(name):
    assert codes(f'require "include"; include "{name}";') == {"invalid-script-name"}

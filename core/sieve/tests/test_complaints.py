"""Each mistake in a script gives one error, with its place and what to change."""

from __future__ import annotations

import pytest
from thurn_sieve.diagnostics import CompileError
from thurn_sieve.engine import Engine
from thurn_sieve.ext.extensions import shipped

ENGINE = Engine(shipped())


def complaints(source):
    with pytest.raises(CompileError) as caught:
        ENGINE.compile(source)
    return [
        (diagnostic.line, diagnostic.column, diagnostic.message)
        for diagnostic in caught.value.diagnostics
        if diagnostic.severity == "error"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "if true {\n" * 33 + "keep;" + "}" * 33,
        "if true {\n" * 3_000,
        "if " + "not " * 50 + "true { keep; }",
        "if " + "allof(" * 50 + "true" + ")" * 50 + " { keep; }",
        "if true { " + "keep; " * 30_000,
        'if header "x" [' + '"a",' * 20_000 + '"a"] { keep; }',
        "if true { keep;",
        'if header "subject',
    ],
)
def test_where_reading_ends_is_one_error(source):
    assert len(complaints(source)) == 1


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        ('require ["fileinto",];\nfileinto "a";', 1, 21, "a string"),
        (
            "if size :over 100Q { keep; }\nelsif size :over 1 { keep; } else { stop; }",
            1,
            15,
            "100Q",
        ),
        ("if size :over 99999999999999999999 { keep; }", 1, 15, "is above"),
        ('if header [] "a" { keep; }', 1, 12, "a string"),
        ("if anyof( { keep; }", 1, 11, "a test"),
        ('if exists "a" { keep; } else if exists "b" { keep; }', 1, 30, '"elsif"'),
        ('redirect "a@b.example"\nkeep;', 2, 1, '";"'),
        ('require "fileinto"\nif true { fileinto "a"; }', 2, 1, '";"'),
        ('require "fileinto"\nfileinto "a";', 2, 1, '";"'),
    ],
)
def test_nothing_follows_from_it(source, line, column, words):
    ((where, at, message),) = complaints(source)
    assert (where, at) == (line, column)
    assert words in message


def test_what_is_beside_it_is_found():
    source = 'if size :over 1Q { foo; }\nbar "x";\nif true { redirect "nobody"; }'
    assert [line for line, _, _ in complaints(source)] == [1, 1, 2, 3]

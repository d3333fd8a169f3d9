"""Names, calls, imports and slow patterns that no source of this repository may have.

Rules of this file: a test looks at all files and tells everything that it has found. A test for
each file would cost more than what it does.
"""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from re import _constants, _parser  # the only description of a pattern's structure

import pytest
from workspace import PURE, members, short, source_files, tracked_files, tree_of

BANNED_NAMES = frozenset(
    {
        "base",
        "common",
        "data",
        "folder",
        "folders",
        "handler",
        "handlers",
        "helper",
        "helpers",
        "info",
        "manager",
        "managers",
        "misc",
        "process",
        "user",
        "users",
        "util",
        "utils",
    }
)
BANNED_IMPORTS = frozenset(
    {
        "asyncio",
        "dbm",
        "email",
        "marshal",
        "pickle",
        "shelve",
        "smtplib",
        "xml",
    }
)
"""Modules that must not be imported: unsafe with hostile input, or sockets beside trio's."""
MAY_IMPORT: dict[str, frozenset[str]] = {
    # The demo proves itself with clients that are not its own.
    "thurn-command-demo": frozenset({"smtplib", "poplib"}),
}
"""Distribution → what it alone may import, with the reason beside it."""
BANNED_CALLS = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "input"})
# Neither has a loop to block: the supervisor waits for the processes of a killed instance to end,
# a command for a site to start or to end.
ALLOWED_CALLS = {("supervisor.py", ("time", "sleep")), ("controlclient.py", ("time", "sleep"))}
BANNED_ATTRIBUTES = frozenset({
    ("os", "system"), ("os", "popen"), ("time", "sleep"), ("tempfile", "mktemp"),
})  # fmt: skip
SLOW_BUT_SAFE = frozenset({"thurn.config.positions._KEY"})
"""Patterns with nested repeats that read only the operator's own file."""


def test_no_module_has_a_name_that_says_nothing():
    bad = [
        short(path)
        for path in tracked_files()
        if path.suffix == ".py" and (BANNED_NAMES & {path.stem, path.parent.name})
    ]
    assert not [path for path in bad if "/tests/" not in path], bad


def _is_banned(call: ast.Call, file_name: str) -> bool:
    """Whether it evaluates, starts a shell, or is one of `BANNED_ATTRIBUTES`."""
    if isinstance(call.func, ast.Name) and call.func.id in BANNED_CALLS:
        return True
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        called = (call.func.value.id, call.func.attr)
        if called in BANNED_ATTRIBUTES and (file_name, called) not in ALLOWED_CALLS:
            return True
    return any(
        keyword.arg == "shell"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is True
        for keyword in call.keywords
    )


def test_nothing_is_evaluated_and_no_shell_runs():
    places = [
        f"{short(path)}:{node.lineno}: {ast.unparse(node.func)}"
        for path in source_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and _is_banned(node, path.name)
    ]
    assert not places, "\n".join(places)


@pytest.mark.parametrize("text", ["eval(x)", "os.system(x)", "subprocess.run(x, shell=True)"])
def test_the_detector_of_banned_calls_works(text):
    assert _is_banned(ast.parse(text, mode="eval").body, "x.py")


def test_the_detector_of_banned_calls_lets_others_pass():
    for text in ("f(x)", "re.compile(x)", "subprocess.run(x, shell=False)"):
        assert not _is_banned(ast.parse(text, mode="eval").body, "x.py")
    assert not _is_banned(ast.parse("time.sleep(1)", mode="eval").body, "supervisor.py")


@pytest.mark.parametrize("member", members(), ids=str)
def test_hostile_input_meets_no_such_library(member):
    allowed = MAY_IMPORT.get(member.distribution, frozenset())
    for path in member.source.rglob("*.py"):
        for node in ast.walk(tree_of(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.level == 0, f"{short(path)}:{node.lineno}: relative"
                names = [node.module]
            for name in names:
                bad = name.partition(".")[0] in BANNED_IMPORTS - allowed
                assert not bad, f"{short(path)}:{node.lineno}: {name}"


def _recursions(tree: ast.Module) -> Iterator[ast.Call]:
    """Functions that call their own name, methods that call it on self."""
    for owner in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]:
        for function in owner.body:
            if not isinstance(function, ast.FunctionDef):
                continue
            own = function.name if owner is tree else f"self.{function.name}"
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == own:
                    yield node


@pytest.mark.parametrize("member", [m for m in members() if m.module in PURE], ids=str)
def test_parsers_do_not_recurse(member):
    for path in member.source.rglob("*.py"):
        for call in _recursions(tree_of(path)):
            pytest.fail(f"{short(path)}:{call.lineno}: {ast.unparse(call.func)} calls itself")


def test_the_detector_of_recursion_works():
    bad = "def f(x):\n    return f(x)\nclass C:\n    def g(self):\n        self.g()\n"
    good = "def f(x):\n    return g(x)\nclass C:\n    def f(self):\n        f(self)\n"
    assert len(list(_recursions(ast.parse(bad)))) == 2
    assert not list(_recursions(ast.parse(good)))


REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
PARTS = {
    _constants.ASSERT: lambda argument: [argument[1]],
    _constants.ASSERT_NOT: lambda argument: [argument[1]],
    _constants.BRANCH: lambda argument: argument[1],
    _constants.SUBPATTERN: lambda argument: [argument[3]],
}
DECIDED = {
    _constants.POSSESSIVE_REPEAT: lambda argument: argument[2],
    _constants.ATOMIC_GROUP: lambda argument: argument,
}
"""What is never tried again once it has matched."""


def _has_nested_repeat(parsed, inside: bool = False) -> bool:
    """Whether an unbounded repeat that may be tried again stands inside another."""
    for operation, argument in parsed:
        parts, within = [], inside
        if operation in REPEATS:
            unbounded = argument[1] is _constants.MAXREPEAT
            if unbounded and inside:
                return True
            parts, within = [argument[2]], inside or unbounded
        elif operation in DECIDED:
            parts, within = [DECIDED[operation](argument)], False
        elif operation in PARTS:
            parts = PARTS[operation](argument)
        if any(_has_nested_repeat(part, within) for part in parts):
            return True
    return False


def _patterns() -> Iterator[tuple[str, re.Pattern]]:
    for member in members():
        package = import_module(member.module)
        for found in pkgutil.walk_packages(package.__path__, f"{member.module}."):
            if found.name.endswith(".__main__"):
                continue
            for name, value in vars(import_module(found.name)).items():
                if isinstance(value, re.Pattern):
                    yield f"{found.name}.{name}", value


def test_no_pattern_takes_exponential_time():
    slow = {
        name
        for name, pattern in _patterns()
        if _has_nested_repeat(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))
    }
    assert slow == SLOW_BUT_SAFE


def test_the_detector_of_slow_patterns_works():
    for bad in [r"(a+)+", r"(?:a*b)*", r"(?:x|y+)*z"]:
        assert _has_nested_repeat(_parser.parse(bad))
    for good in [r"a+b*", r"(?:a{1,3})+", r"(?:a+)++", r"(?>a+)*", r"(?:ab)*c+"]:
        assert not _has_nested_repeat(_parser.parse(good))


def test_every_broad_except_says_why():
    """`except Exception` is for the supervision points; each says at its line which one it is."""
    silent = []
    for path in source_files():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if "noqa" in line and "BLE001" in line:
                reason = line.partition("BLE001")[2]
                if len(reason.strip(" -:,")) <= 10:
                    silent.append(f"{short(path)}:{number}")
    assert not silent, "\n".join(silent)


def test_every_noqa_names_its_rule():
    for path in (p for p in tracked_files() if p.suffix == ".py"):
        for number, line in enumerate(Path(path).read_text().splitlines(), 1):
            assert not re.search(r"#\s*noqa(?!: [A-Z])", line), f"{short(path)}:{number}"

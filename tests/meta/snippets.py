"""The examples in docstrings and pages, for `test_snippets.py`.

Rules of this file:
1. An example is Python in an indented paragraph of a docstring of a public module, or between
   ```python and ``` in a page. What begins with `>>>` is doctest's.
2. What stands around an example is not in it: `STAND_INS` are names that a reader takes for what
   they say, and `SETUPS` makes what a page takes for granted.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workspace import ROOT, plugins

PUBLIC: Final = (
    "core/kit/src/thurn_kit",
    "core/testing/src/thurn_testing",
    "core/wire/src/thurn_wire",
    "core/message/src/thurn_message",
    "core/sieve/src/thurn_sieve",
    "core/thurn/src/thurn/plugin",
    "core/thurn/src/thurn/contracts",
    "core/thurn/src/thurn/types",
    "core/thurn/src/thurn/hooks",
)
"""Where the docstrings are that authors read."""
ELSEWHERE: Final = frozenset(
    f"docs/tutorial/{name}.md" for name in ("first-plugin", "first-server", "session-rules")
)
"""Pages whose examples are whole programs or need a server that runs: `test_docs.py` and
tests/e2e/test_tutorials.py run what they say."""
_PARAGRAPH: Final = re.compile(r"(?:(?<=\n\n)|\A)((?:    .*\n?|\n(?=    ))+)")
_FENCED: Final = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_TOP_LEVEL_AWAIT: Final = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True)
class Example:
    """One example. `module` is where its docstring stands; "" for a page."""

    place: str
    text: str
    module: str = ""


KNOWN: Final = (
    "thurn.plugin",
    "thurn_kit.commands",
    "thurn_kit.grants",
    "thurn_sieve.runtime",
    "thurn_testing.contracts.listener",
    "thurn_testing.fakes.account",
    "thurn_testing.fakes.context",
    "thurn_testing.fakes.mailflow",
    "thurn_testing.fakes.session",
    "click",
    "contextlib",
    "functools",
    "collections.abc",
)
"""Modules from which a docstring's example may take a name without saying so."""


def of_docstrings() -> Iterator[Example]:
    """The examples of all public modules."""
    for path in sorted(one for base in PUBLIC for one in (ROOT / base).rglob("*.py")):
        module = _module_of(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                owner = "" if isinstance(node, ast.Module) else f":{node.name}"
                place = f"{path.relative_to(ROOT)}{owner}"
                for match in _PARAGRAPH.finditer(ast.get_docstring(node) or ""):
                    text = textwrap.dedent(match[1]).strip()
                    if _is_example(text):
                        yield Example(place, text, module)


def doctest_modules() -> list[str]:
    """The public modules that show a session with `>>>`."""
    paths = sorted(one for base in PUBLIC for one in (ROOT / base).rglob("*.py"))
    return [_module_of(path) for path in paths if ">>> " in path.read_text()]


def _module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parts[3:]).removesuffix(".py").removesuffix(".__init__")


def of_pages() -> Iterator[Example]:
    """The examples of all pages; those of one page are run one after the other, as one."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("core/*/README.md"), *ROOT.glob("docs/**/*.md")]
    pages += [one.path / "README.md" for one in plugins()]
    for path in sorted(pages):
        place = str(path.relative_to(ROOT))
        if found := [] if place in ELSEWHERE else _FENCED.findall(path.read_text()):
            yield Example(place, "\n\n".join(found))


def _is_example(text: str) -> bool:
    """Whether a paragraph is Python that does something, and not a grammar or a table."""
    if not re.search(
        r"\bawait |^async |^def |^class |^@|^from .* import|^import |\w\(.*\)$", text, re.MULTILINE
    ):
        return False
    try:
        tree = compile(text, "example", "exec", ast.PyCF_ONLY_AST | _TOP_LEVEL_AWAIT)
    except SyntaxError:
        # It was meant to be Python, and the test says where it is not.
        return bool(re.search(r"^(async )?(def|with) |^@\w|^(\w+ = )?await ", text, re.MULTILINE))
    plain = ast.Name | ast.Constant | ast.Compare | ast.BinOp
    return not all(isinstance(one, ast.Expr) and isinstance(one.value, plain) for one in tree.body)


STAND_INS: Final = frozenset(
    """
    account accounts authzid blob catch_up checked client config connection context
    factory guard handle identity index listener mailflow main make name
    nursery octets open_on_sample
    open_smtp opened other parameters peer policy product provider recipient record
    scripts sender session settings smtp smtplib source spool sqlite stored tables tmp_path
    transaction words MemorySettings MemoryStore FileSettings Script file
    """.split()  # noqa: SIM905 - a list of words
)
"""Names in docstrings that stand for an object of the reader's own."""

SETUPS: Final[dict[str, str]] = {
    "core/message/README.md": """
content = (
    b"Subject: Hello\\r\\nContent-Type: multipart/mixed; boundary=b\\r\\n\\r\\n"
    b"--b\\r\\n\\r\\nText\\r\\n"
    b"--b\\r\\nContent-Type: text/plain; name=x.txt\\r\\n\\r\\nText\\r\\n--b--\\r\\n"
)
value, path = b"A <a@example.org>", b"a@example.org"
""",
    "core/sieve/README.md": """
from datetime import UTC, datetime
source, content, now = b"keep;", b"Subject: x\\r\\n\\r\\n", datetime.now(UTC)
class Executor:
    def __getattr__(self, name):
        async def done(*arguments, **named):
            return None
        return done
executor = Executor()
""",
    "core/testing/README.md": """
def make(settings):
    raise AssertionError("no transcript is here")
""",
    "plugins/delivery/sieve/README.md": """
from thurn.plugin import Delivery, sieve_command, sieve_test
from thurn_sieve.runtime import Runtime
""",
    "plugins/listener/imap/README.md": """
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from thurn.plugin import plugin
from thurn_listener_imap.extension import ImapExtension, after_login
from thurn_listener_imap.fetch.item import Column
from thurn_wire.imap.fetch import Attribute, FetchItem
from thurn_wire.imap.grammar.registry import Grammar, add
""",
}
"""What the examples of a page take for granted, by the page."""

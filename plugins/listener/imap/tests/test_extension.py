"""The door for extensions: ours use nothing else, and what cannot be is an error at the start."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from thurn.plugin import PluginError
from thurn_listener_imap.extension import CommandKind, ImapExtension
from thurn_listener_imap.extensions.bundled import BUNDLED
from thurn_listener_imap.factory import ImapHead, tables
from thurn_wire.imap.command import Command, Noop
from thurn_wire.imap.event import NEED_DATA
from thurn_wire.imap.fetch import Attribute
from thurn_wire.imap.grammar.builtin import base_grammar
from thurn_wire.imap.grammar.registry import add, nothing
from thurn_wire.imap.reply import preauth
from thurn_wire.imap.server import ImapServer

HOME = Path(__file__).parents[1]
SOURCES = HOME / "src" / "thurn_listener_imap"
EXTENSIONS = [*(SOURCES / "extensions").glob("*.py"), Path(__file__).parent / "colours.py"]


@dataclass(frozen=True, slots=True)
class Paint(Command):
    NAME = "X-PAINT"


def public():
    """The modules that the README says an extension may import."""
    text = (HOME / "README.md").read_text("utf-8")
    (listed,) = re.findall(r"An extension may import (.*?)\.\n", text, re.DOTALL)
    return set(re.findall(r"`([a-z._]+)`", listed))


def imported(path):
    """The modules of the listener that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("thurn_listener_imap."):
            yield node.module.removeprefix("thurn_listener_imap.")


def test_no_import_closes_a_circle():
    files = [path for path in SOURCES.rglob("*.py") if path.stem != "__init__"]
    modules = {".".join(path.relative_to(SOURCES).with_suffix("").parts): path for path in files}
    imports = {name: set(imported(path)) for name, path in modules.items()}
    assert set(modules) <= set(TopologicalSorter(imports).static_order())  # or CycleError


@pytest.mark.parametrize("path", EXTENSIONS, ids=lambda path: path.stem)
def test_ours_import_what_a_stranger_may(path):
    own = {f"extensions.{each.stem}" for each in EXTENSIONS} if path.stem == "bundled" else set()
    assert set(imported(path)) <= public() | own


def test_what_may_be_imported_is_there():
    for name in public():
        assert (SOURCES / f"{name.replace('.', '/')}.py").is_file(), name


def test_ours_are_registered_as_those_of_strangers():
    assert ImapHead.thurn_imap_register_extension(None) is BUNDLED


@pytest.mark.parametrize("extension", BUNDLED, ids=lambda extension: extension.name)
def test_each_of_ours_works_without_the_others(extension):
    assert extension in tables([extension]).all


@pytest.mark.parametrize(
    "line",
    [
        b"ID NIL",
        b"NAMESPACE",
        b"UNSELECT",
        b"MOVE 1 x",
        b"UID EXPUNGE 1",
        b"CREATE x (USE (\\Sent))",
        b"FETCH $ FLAGS",
        b"FETCH 1 BINARY[1]",
        b"SEARCH $",
        b"SEARCH RETURN (SAVE) ALL",
        b"SEARCH RETURN (MIN) ALL",
        b"STATUS x (SIZE)",
        b"STATUS x (APPENDLIMIT)",
        b"STATUS x (HIGHESTMODSEQ)",
        b'LIST (SUBSCRIBED) "" *',
        b'LIST "" * RETURN (STATUS (MESSAGES))',
    ],
)
def test_the_base_does_not_know_their_words(line):
    engine = ImapServer(base_grammar())
    engine.next_event()
    engine.send(preauth("hello"))
    engine.receive_data(b"x SELECT y\r\n")
    engine.next_event()
    engine.accept()
    engine.data_to_send()
    engine.receive_data(b"a " + line + b"\r\n")
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send().startswith(b"a BAD ")


def refused(*extensions):
    with pytest.raises(PluginError) as caught:
        tables([*BUNDLED, *extensions])
    return str(caught.value)


def test_two_of_one_name():
    one = ImapExtension(name="one")
    assert refused(one, one) == "two IMAP extensions have the name one"


def test_two_that_claim_one_key():
    one = ImapExtension(name="one", commands={Paint: CommandKind(None)})
    other = ImapExtension(name="other", commands={Paint: CommandKind(None)})
    assert refused(one, other).endswith("one and other")


def test_one_that_claims_a_command_of_the_base():
    one = ImapExtension(name="one", commands={Noop: CommandKind(None)})
    assert refused(one).endswith("the base and one")


def test_a_word_that_is_there():
    one = ImapExtension(
        name="one", grammar=lambda g: add(g.fetch_items, "ENVELOPE", lambda _: Attribute("X"))
    )
    assert refused(one) == "IMAP extension one: ENVELOPE is in the grammar already"


def test_a_word_without_a_meaning():
    one = ImapExtension(name="one", grammar=lambda g: add(g.list_returns, "X-COLOUR", nothing))
    assert (
        refused(one)
        == "IMAP extension one adds X-COLOUR to the grammar and has no list_returns of it"
    )

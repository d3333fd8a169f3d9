"""What an extension adds: commands, keys, items, options and parameters; by data alone."""

from __future__ import annotations

import dataclasses

import pytest
from thurn_wire.error import LocalProtocolError
from thurn_wire.imap.command import Command, Noop
from thurn_wire.imap.fetch import Attribute, FetchItem
from thurn_wire.imap.grammar.builtin import base_grammar
from thurn_wire.imap.grammar.registry import Rule, add, nothing
from thurn_wire.imap.grammar.session import without_arguments
from thurn_wire.imap.search import FlagKey, Not, SearchKey
from thurn_wire.imap.state import LOGGED_IN, SELECTED


@dataclasses.dataclass(frozen=True, slots=True)
class GetQuota(Command):
    NAME = "GETQUOTA"
    root: str


@dataclasses.dataclass(frozen=True, slots=True)
class Younger(SearchKey):
    seconds: int


@dataclasses.dataclass(frozen=True, slots=True)
class Preview(FetchItem):
    lazy: bool = False


def get_quota(cursor):
    cursor.space()
    return GetQuota(cursor.text(cursor.astring("a quota root")))


def younger(cursor):
    cursor.space()
    return Younger(cursor.nz_number())


def preview(cursor):
    return Preview(cursor.skip(b" (LAZY)"))


def qresync(cursor):
    cursor.space()
    cursor.expect(b"(")
    uidvalidity = cursor.nz_number()
    cursor.space()
    modseq = cursor.number64()
    cursor.expect(b")")
    return uidvalidity, modseq


@pytest.fixture
def parse(run, make_selected):
    grammar = base_grammar()
    grammar.add_command("GETQUOTA", Rule(get_quota, LOGGED_IN))
    grammar.add_command("UID BATCHES", Rule(without_arguments(Noop()), SELECTED))
    add(grammar.search_keys, "YOUNGER", younger)
    add(grammar.fetch_items, "PREVIEW", preview)
    add(grammar.fetch_items, "SAVEDATE", lambda _: Attribute("SAVEDATE"))
    add(grammar.fetch_modifiers, "VANISHED", nothing)
    add(grammar.select_parameters, "QRESYNC", qresync)
    add(grammar.status_items, "MAILBOXID", "MAILBOXID")
    add(grammar.list_returns, "MYRIGHTS", nothing)
    add(grammar.search_returns, "PARTIAL", qresync)

    def parsed(octets):
        engine = make_selected(grammar=grammar)
        return run(engine, b"t " + octets + b"\r\n")[0].command

    return parsed


def test_everything_is_read(parse):
    assert parse(b"GETQUOTA {1+}\r\nx") == GetQuota("x")
    assert parse(b"uid batches") == Noop()
    assert parse(b"SEARCH NOT YOUNGER 60").key == Not(Younger(60))
    assert parse(b"SEARCH SEEN").key == FlagKey("\\Seen")
    items = (Preview(lazy=True), Attribute("SAVEDATE"), Preview())
    assert parse(b"FETCH 1 (PREVIEW (LAZY) SAVEDATE PREVIEW)").items == items
    vanished = parse(b"FETCH 1 FLAGS (CHANGEDSINCE 5 VANISHED)")
    assert (vanished.changed_since, vanished.parameters) == (5, {"VANISHED": None})
    assert parse(b"SELECT x (QRESYNC (7 8) CONDSTORE)").parameters == {"QRESYNC": (7, 8)}
    assert parse(b"STATUS x (MAILBOXID)").items == ("MAILBOXID",)
    assert parse(b'LIST "" * RETURN (MYRIGHTS)').returns == {"MYRIGHTS": None}
    assert parse(b"SEARCH RETURN (PARTIAL (1 2)) ALL").returns == {"PARTIAL": (1, 2)}


def test_arguments_are_bounded(run, make_selected):
    grammar = base_grammar()
    add(grammar.search_keys, "YOUNGER", younger)
    add(grammar.search_keys, "OLDER", lambda cursor: Younger(cursor.skip(b" ") * cursor.number()))
    engine = make_selected(grammar=grammar)
    assert run(engine, b"a SEARCH YOUNGER 0\r\n") == []
    assert engine.data_to_send().startswith(b"a BAD 0 is not possible here")
    assert run(engine, b"a SEARCH YOUNGER 4294967296\r\n") == []
    assert engine.data_to_send().startswith(b"a BAD number too large")
    (event,) = run(engine, b"a SEARCH OLDER 0\r\n")
    assert event.command.key == Younger(0)


def test_a_word_is_added_once():
    grammar = base_grammar()
    with pytest.raises(LocalProtocolError, match="NOOP is in the grammar already"):
        grammar.add_command("NOOP", Rule(without_arguments(Noop()), SELECTED))
    with pytest.raises(LocalProtocolError, match="not a word in upper case"):
        add(grammar.search_keys, "younger", younger)
    with pytest.raises(LocalProtocolError, match="not a word in upper case"):
        grammar.add_command("X Y", Rule(without_arguments(Noop()), SELECTED))


def test_grammars_are_apart():
    first, second = base_grammar(), base_grammar()
    add(first.search_keys, "YOUNGER", younger)
    assert b"YOUNGER" not in second.search_keys

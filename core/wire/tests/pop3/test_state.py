"""The tables are total, every state is reached and left, the diagram shows every arrow."""

from __future__ import annotations

import pytest
from thurn_wire.pop3.action import ACTIONS
from thurn_wire.pop3.command import Verb
from thurn_wire.pop3.error import LocalProtocolError
from thurn_wire.pop3.state import CLIENT, COMMANDING, READING, SERVER, State, Step, follow, mermaid

TABLES = pytest.mark.parametrize("table", [SERVER, CLIENT], ids=["server", "client"])


def test_server_has_every_state():
    assert set(SERVER) == set(State)


def test_each_command_is_decided_in_each_commanding_state():
    for state in COMMANDING:
        assert set(Verb) <= set(SERVER[state]), state
        assert SERVER[state][Step.REFUSED] in COMMANDING


def test_only_commanding_states_have_commands():
    for state in set(State) - COMMANDING:
        assert not set(Verb) & set(SERVER[state]), state
    assert COMMANDING < READING


def test_client_decides_each_command_where_it_sends():
    for state in (State.AUTHORIZATION, State.TRANSACTION):
        assert set(Verb) <= set(CLIENT[state])


def test_each_command_has_an_action():
    assert set(ACTIONS) == set(Verb)


@TABLES
def test_each_state_is_reached_and_can_end(table):
    reached, waiting = {State.GREETING}, [State.GREETING]
    while waiting:
        for target in table[waiting.pop()].values():
            if target is not None and target not in reached:
                reached.add(target)
                waiting.append(target)
    assert reached == set(table)
    assert all(row[Step.STOPPED] is State.CLOSED for row in table.values())


def test_each_step_is_used():
    used = {trigger for table in (SERVER, CLIENT) for row in table.values() for trigger in row}
    assert used == {*Verb, *Step}
    assert len({trigger.value for trigger in used}) == len(used)


@TABLES
def test_follow_is_the_table(table):
    for state, row in table.items():
        for trigger in (*Verb, *Step):
            target = row.get(trigger)
            if target is None:
                with pytest.raises(LocalProtocolError, match="not possible in state"):
                    follow(table, state, trigger)
            else:
                assert follow(table, state, trigger) is target


@TABLES
def test_diagram_shows_every_arrow(table):
    arrows = {}
    for line in mermaid(table).splitlines()[2:-1]:
        ends, _, labels = line.strip().partition(" : ")
        source, _, target = ends.partition(" --> ")
        arrows.update({(source, label): target for label in labels.split(", ")})
    assert arrows == {
        (state.name, trigger.value): target.name
        for state, row in table.items()
        for trigger, target in row.items()
        if target is not None and trigger is not Step.STOPPED
    }

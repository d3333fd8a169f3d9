"""The table: every state is reached and left, and the diagram shows every arrow."""

from __future__ import annotations

import pytest
from thurn_wire.imap.error import LocalProtocolError
from thurn_wire.imap.grammar.builtin import base_grammar
from thurn_wire.imap.state import (
    APPENDING,
    CLIENT,
    COMMANDING,
    IDLING,
    READING,
    SERVER,
    TAKEN_OVER,
    Phase,
    State,
    Step,
    follow,
    mermaid,
)

WAITING = set(SERVER) - READING - {State.CLOSED}
TABLES = pytest.mark.parametrize("table", [SERVER, CLIENT], ids=["server", "client"])


def test_tables_have_every_state():
    assert set(SERVER) == set(State) - {State.GREETING}
    assert set(CLIENT) <= set(State)


@TABLES
def test_each_state_is_reached_and_can_end(table):
    first = next(iter(table))
    reached, waiting = {first}, [first]
    while waiting:
        for target in table[waiting.pop()].values():
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    assert reached == set(table)
    assert all(row[Step.STOPPED] is State.CLOSED for row in table.values())


def test_each_step_is_used():
    used = {step for table in (SERVER, CLIENT) for row in table.values() for step in row}
    assert used == set(Step)
    assert len({step.value for step in Step}) == len(Step)


def test_each_command_has_its_step_wherever_it_is_allowed():
    grammar = base_grammar()
    states = {phase: state for state, phase in COMMANDING.items()}
    for rule in (*grammar.commands.values(), *grammar.uid_commands.values()):
        assert rule.phases
        for phase in rule.phases:
            assert rule.step in SERVER[states[phase]], (rule, phase)


def test_plain_commands_stay():
    assert all(SERVER[state][Step.COMMAND] is state for state in COMMANDING)
    assert set(COMMANDING.values()) == set(Phase)


def test_what_is_read_can_be_refused():
    for state in READING - set(COMMANDING):
        assert SERVER[state][Step.ABANDONED] in COMMANDING
    assert IDLING | APPENDING < READING


def test_waiting_states_have_an_answer():
    for state in WAITING - TAKEN_OVER - {State.LOGOUT, State.TLS_HANDSHAKE}:
        assert {Step.ACCEPTED, Step.DENIED} <= set(SERVER[state]), state


@TABLES
def test_follow_is_the_table(table):
    for state, row in table.items():
        for step in Step:
            if step in row:
                assert follow(table, state, step) is row[step]
            else:
                with pytest.raises(LocalProtocolError, match="not possible in state"):
                    follow(table, state, step)


@TABLES
def test_diagram_shows_every_arrow(table):
    arrows = {}
    for line in mermaid(table).splitlines()[2:-1]:
        ends, _, labels = line.strip().partition(" : ")
        source, _, target = ends.partition(" --> ")
        arrows.update({(source, label): target for label in labels.split(" / ")})
    assert arrows == {
        (state.name, step.value): target.name
        for state, row in table.items()
        for step, target in row.items()
        if step is not Step.STOPPED
    }

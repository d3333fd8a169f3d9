"""What the tables of IMAP say, and that every row of them is used. `test_table.py` has the rest."""

from __future__ import annotations

from thurn_wire.imap.reading import READERS
from thurn_wire.imap.state import (
    APPENDING,
    CLIENT,
    COMMANDING,
    COMMANDS,
    IDLING,
    SERVER,
    Phase,
    State,
    Step,
)


def possible(state):
    return {step for step in COMMANDS if SERVER.allows(state, step)}


def test_the_server_has_every_state():
    assert set(SERVER.rows) == set(State)
    assert set(State) - set(CLIENT.rows) == IDLING | APPENDING


def test_each_command_has_its_step_wherever_it_is_allowed(grammar):
    states = {phase: state for state, phase in COMMANDING.items()}
    steps = set()
    for rule in (*grammar.commands.values(), *grammar.uid_commands.values()):
        assert rule.phases
        assert rule.step in COMMANDS
        steps.add(rule.step)
        for phase in rule.phases:
            assert SERVER.allows(states[phase], rule.step), (rule, phase)
    assert steps == set(COMMANDS)


def test_plain_commands_stay():
    """The engine relies on it: it does not even ask the table."""
    for step in (Step.COMMAND, Step.TAKE_OVER):
        assert all(SERVER.follow(state, step) is state for state in COMMANDING)
    assert set(COMMANDING.values()) == set(Phase)


def test_only_commanding_states_have_commands():
    for state in set(State) - set(COMMANDING):
        expected = {
            State.CHALLENGED: {Step.AUTHENTICATE},
            State.IDLE_SELECTED: {Step.DESELECT},
        }
        assert possible(state) == expected.get(state, set()), state


def test_what_is_read_can_be_refused():
    for state in {State.CHALLENGED} | IDLING | APPENDING:
        assert SERVER.follow(state, Step.REFUSED) in COMMANDING
    for state in COMMANDING:
        assert SERVER.follow(state, Step.REFUSED) is state


def test_every_state_has_a_reader():
    assert set(READERS) == set(State)

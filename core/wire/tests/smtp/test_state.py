"""What the tables of SMTP say, and that every row of them is used. `test_table.py` has the rest."""

from __future__ import annotations

import pytest
from thurn_wire.smtp.action import ACTIONS
from thurn_wire.smtp.answering import ANSWERS
from thurn_wire.smtp.client import MOVED_BY_ANSWER
from thurn_wire.smtp.reading import READERS
from thurn_wire.smtp.state import CLIENT, COMMANDS, SERVER, State, Step

COMMANDING = {State.TURNED_AWAY, State.START, State.READY, State.SENDER, State.RECIPIENT}
COMMANDING |= {State.CHUNKS}


def test_the_server_has_every_state():
    assert set(SERVER.rows) == set(State)
    assert set(CLIENT.rows) == set(State) - {State.CHUNK}


@pytest.mark.parametrize("table", [SERVER, CLIENT], ids=["server", "client"])
def test_nothing_leads_out_of_the_end(table):
    assert {step for step in Step if table.allows(State.CLOSED, step)} == {Step.STOPPED}


def test_content_states_take_no_command():
    for state in set(State) - COMMANDING:
        possible = {step for step in COMMANDS if SERVER.allows(state, step)}
        assert possible == ({Step.AUTH} if state is State.CHALLENGED else set()), state


def test_commands_can_be_refused_wherever_they_are_read():
    for state in COMMANDING:
        assert SERVER.follow(state, Step.REFUSED) is state


def test_every_state_has_a_reader():
    assert set(READERS) == set(State)


def test_every_command_has_its_action():
    assert set(ACTIONS) | {Step.HELLO, Step.BDAT} == set(COMMANDS)


def test_every_step_that_is_awaited_has_its_answer():
    by_the_engine = {Step.RSET, Step.NOOP, Step.QUIT, Step.HELP}
    assert set(ANSWERS) == set(COMMANDS) - by_the_engine | {Step.GREETED, Step.MESSAGE_ENDED}


def test_commands_that_wait_are_in_the_table():
    assert set(COMMANDS) > MOVED_BY_ANSWER

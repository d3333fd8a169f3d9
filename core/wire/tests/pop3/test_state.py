"""What the tables of POP3 say, and that every row of them is used. `test_table.py` has the rest."""

from __future__ import annotations

from thurn_wire.pop3.action import ACTIONS
from thurn_wire.pop3.reading import READERS
from thurn_wire.pop3.state import CLIENT, COMMANDS, MAILDROP_COMMANDS, SERVER, State, Step

COMMANDING = {State.AUTHORIZATION, State.NAMED, State.TRANSACTION}
LOGINS = {Step.USER, Step.PASS, Step.APOP, Step.AUTH, Step.STARTTLS}


def test_the_server_has_every_state():
    assert set(SERVER.rows) == set(State)


def possible(state):
    return {step for step in COMMANDS if SERVER.allows(state, step)}


def test_each_command_has_its_states():
    assert possible(State.AUTHORIZATION) == LOGINS - {Step.PASS} | {Step.CAPA, Step.QUIT}
    assert possible(State.NAMED) == LOGINS | {Step.CAPA, Step.QUIT}
    assert possible(State.TRANSACTION) == {*MAILDROP_COMMANDS, Step.CAPA, Step.QUIT}
    assert set(COMMANDS) == LOGINS | {*MAILDROP_COMMANDS, Step.CAPA, Step.QUIT}


def test_only_commanding_states_have_commands():
    for state in set(State) - COMMANDING:
        assert possible(state) == ({Step.AUTH} if state is State.CHALLENGED else set()), state


def test_commands_can_be_refused_wherever_they_are_read():
    for state in COMMANDING | {State.CHALLENGED}:
        assert SERVER.follow(state, Step.REFUSED) in COMMANDING


def test_client_and_server_have_the_same_commands_after_login():
    for step in COMMANDS:
        assert CLIENT.allows(State.TRANSACTION, step) is SERVER.allows(State.TRANSACTION, step)


def test_each_command_has_an_action():
    assert set(ACTIONS) == set(COMMANDS)


def test_every_state_has_a_reader():
    assert set(READERS) == set(State)

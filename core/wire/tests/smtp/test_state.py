"""The tables are total, every state is reached, and the diagram says what they say."""

from __future__ import annotations

import pytest
from thurn_wire.smtp import client, server
from thurn_wire.smtp.error import LocalProtocolError
from thurn_wire.smtp.state import CLIENT, COMMANDS, SERVER, Input, State, follow, mermaid


@pytest.mark.parametrize("table", [SERVER, CLIENT], ids=["server", "client"])
def test_total(table):
    assert set(table) == {(state, given) for state in State for given in Input}
    assert all(table[state, Input.STOPPED] is State.CLOSED for state in State)
    assert {given for given in Input if table[State.CLOSED, given]} == {Input.STOPPED}


@pytest.mark.parametrize(
    ("table", "unused"), [(SERVER, set()), (CLIENT, {State.CHUNK})], ids=["server", "client"]
)
def test_every_state_is_reached(table, unused):
    reached, new = set(), {State.CONNECTED}
    while new:
        reached |= new
        new = {after for (state, _), after in table.items() if after and state in reached} - reached
    assert reached == set(State) - unused


def test_content_states_take_no_command():
    for state in (State.CONTENT, State.CHUNK, State.SECURING, State.AUTHENTICATING):
        assert not any(SERVER[state, given] for given in COMMANDS), state


def test_every_state_has_a_reader():
    assert set(server.SmtpServer._READERS) == set(State)


def test_commands_that_wait_are_in_the_table():
    assert set(client._MOVED_BY_ANSWER) <= set(COMMANDS)


def test_follow():
    assert follow(SERVER, State.READY, Input.MAIL) is State.SENDER
    with pytest.raises(LocalProtocolError, match="TLS_STARTED"):
        follow(SERVER, State.READY, Input.TLS_STARTED)


def test_mermaid():
    text = mermaid(SERVER)
    assert text.startswith("stateDiagram-v2\n    [*] --> CONNECTED\n")
    assert "    CONNECTED --> START : 220\n" in text
    assert "    START --> START : RSET, NOOP, VRFY, EXPN, HELP\n" in text
    assert text.endswith("    CLOSED --> [*]\n")

"""Every transition table: total, connected, followed, drawn; and the form of them all."""

from __future__ import annotations

from enum import StrEnum

import pytest
from thurn_wire.error import LocalProtocolError
from thurn_wire.imap import state as imap
from thurn_wire.pop3 import state as pop3
from thurn_wire.smtp import state as smtp
from thurn_wire.table import Table

PROTOCOLS = {"smtp": smtp, "imap": imap, "pop3": pop3}
TABLES = [(module, side) for module in PROTOCOLS.values() for side in ("SERVER", "CLIENT")]
EACH = pytest.mark.parametrize(("module", "side"), TABLES, ids=str)


class Light(StrEnum):
    RED = "red"
    GREEN = "green"
    OFF = "off"


class Change(StrEnum):
    WAIT = "wait"
    GO = "go"
    ALSO_GO = "also go"
    STOPPED = "stopped"


ROWS = {
    Light.RED: {Change.WAIT: Light.RED, Change.GO: Light.GREEN, Change.ALSO_GO: Light.GREEN},
    Light.GREEN: {Change.GO: Light.RED},
    Light.OFF: {},
}


def test_a_small_table():
    table = Table(ROWS, stopped=Change.STOPPED)
    assert table.first is Light.RED
    assert table.last is Light.OFF
    assert table.follow(Light.RED, Change.GO) is Light.GREEN
    assert table.follow(Light.GREEN, Change.STOPPED) is Light.OFF
    assert not table.allows(Light.GREEN, Change.WAIT)
    with pytest.raises(LocalProtocolError, match="'wait' is not possible in state 'green'"):
        table.follow(Light.GREEN, Change.WAIT)
    assert table.mermaid() == (
        "stateDiagram-v2\n"
        "    [*] --> RED\n"
        "    RED --> RED : wait\n"
        "    RED --> GREEN : go, also go\n"
        "    GREEN --> RED : go\n"
        "    OFF --> [*]\n"
    )


@EACH
def test_total(module, side):
    table = getattr(module, side)
    assert set(table.rows) <= set(module.State)
    for row in table.rows.values():
        assert set(row) == set(module.Step)
        assert row[module.Step.STOPPED] is module.State.CLOSED
    assert table.first is module.State.GREETING
    assert table.last is module.State.CLOSED


@EACH
def test_every_state_is_reached(module, side):
    table = getattr(module, side)
    reached, waiting = {table.first}, [table.first]
    while waiting:
        for target in table.rows[waiting.pop()].values():
            if target is not None and target not in reached:
                reached.add(target)
                waiting.append(target)
    assert reached == set(table.rows)


@pytest.mark.parametrize("module", PROTOCOLS.values(), ids=PROTOCOLS)
def test_every_state_and_step_is_used(module):
    tables = (module.SERVER, module.CLIENT)
    assert {state for table in tables for state in table.rows} == set(module.State)
    used = {step for table in tables for row in table.rows.values() for step in row if row[step]}
    assert used == set(module.Step)
    assert len({step.value for step in module.Step}) == len(module.Step)


@EACH
def test_follow_is_the_table(module, side):
    table = getattr(module, side)
    for state, row in table.rows.items():
        for step, target in row.items():
            assert table.allows(state, step) is (target is not None)
            if target is not None:
                assert table.follow(state, step) is target
                continue
            with pytest.raises(LocalProtocolError, match="not possible in state"):
                table.follow(state, step)


@EACH
def test_the_diagram_shows_every_arrow(module, side):
    table = getattr(module, side)
    arrows = {}
    for line in table.mermaid().splitlines()[2:-1]:
        ends, _, labels = line.strip().partition(" : ")
        source, _, target = ends.partition(" --> ")
        arrows.update({(source, label): target for label in labels.split(", ")})
    assert arrows == {
        (state.name, step.value): target.name
        for state, row in table.rows.items()
        for step, target in row.items()
        if target is not None and step is not module.Step.STOPPED
    }

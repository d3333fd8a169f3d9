"""The journal's lines: whole or not there, whatever the disk does."""

from __future__ import annotations

import os

from click.testing import CliRunner
from thurn.cli.explain import explain
from thurn.telemetry.clock import SystemClock
from thurn.telemetry.ids import IdMaker
from thurn.telemetry.journal import Journal, find, latest, retire


def write(journal, identifier):
    entry = journal.begin(identifier, outcome="stored")
    entry.stage("filter", "filter.x", "continue", source="", us=3)
    journal.write(entry)


def test_what_is_written_is_found(tmp_path):
    clock = SystemClock()
    journal, identifier = Journal(tmp_path, clock), IdMaker(clock.wall).make()
    write(journal, identifier)
    journal.close()
    record = find(tmp_path, identifier)
    assert record["stages"] == [
        {"stage": "filter", "by": "filter.x", "decision": "continue", "us": 3}
    ]
    assert latest(tmp_path, 5) == [record]
    assert find(tmp_path, "no id") is None


def test_a_line_that_found_no_room_spoils_no_other(tmp_path, monkeypatch):
    clock = SystemClock()
    ids = IdMaker(clock.wall)
    first, torn, last = ids.make(), ids.make(), ids.make()
    journal = Journal(tmp_path, clock)
    write(journal, first)
    real = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda fd, octets: real(fd, octets[:30]))
        write(journal, torn)
    write(journal, last)
    journal.close()
    assert find(tmp_path, torn) is None
    assert [record["id"] for record in latest(tmp_path, 5)] == [first, last]


def test_trouble_of_the_journal_is_not_the_transactions(tmp_path):
    (tmp_path / "file").touch()
    write(Journal(tmp_path / "file" / "below", SystemClock()), "x")


def test_what_cannot_be_retired_stays_and_costs_nothing(tmp_path):
    for name in ("2020-01-01.jsonl", "2020-01-02.jsonl"):
        (tmp_path / name).touch()
    (tmp_path / "2019-12-31.jsonl").mkdir()
    assert sorted(retire(tmp_path, 1_795_000_000.0, 86_400.0)) == [
        "2020-01-01.jsonl",
        "2020-01-02.jsonl",
    ]


def test_a_story_does_not_move_the_cursor(tmp_path):
    clock = SystemClock()
    journal, identifier = Journal(tmp_path / "journal", clock), IdMaker(clock.wall).make()
    journal.write(journal.begin(identifier, hello="\x1b[2Jx\u202e\r\n", listener="mx"))
    told = CliRunner().invoke(explain, ["--data", str(tmp_path), identifier], obj=None)
    assert told.exit_code == 0, told.output
    assert "?[2Jx???" in told.output

"""The fakes keep the contracts they stand for."""

from __future__ import annotations

import pytest
from thurn.contracts.clock import Clock
from thurn.contracts.context import Context
from thurn.contracts.resolver import LookupFailed
from thurn.contracts.state import State
from thurn.types.errors import ConfigError, PluginError
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext, Given


def test_the_types_agree(tmp_path):
    context: Context = FakeContext(tmp_path / "a")
    clock: Clock = context.clock
    assert clock.monotonic() == clock.monotonic()
    assert context.data.stat().st_mode & 0o777 == 0o700


def test_time_moves_when_told():
    clock = ManualClock(wall=100.0, monotonic=10.0)
    clock.advance(5)
    clock.set_wall(50.0)
    assert (clock.monotonic(), clock.wall()) == (15.0, 50.0)
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


def test_a_reboot_is_another_boot():
    clock = ManualClock(wall=100.0, monotonic=10_000.0)
    before = clock.boot_id
    clock.reboot(down_seconds=30)
    assert clock.boot_id != before
    assert clock.monotonic() < 10_000.0
    assert clock.wall() == 130.0


def test_what_was_logged(tmp_path):
    context = FakeContext(tmp_path)
    context.diagnostics.info("file.read", path="x")
    context.diagnostics.error("file.broken", path="x")
    assert context.diagnostics.events == ["file.broken"]
    assert context.diagnostics.lines[0].facts == {"path": "x"}


async def test_what_was_not_given_is_an_error(tmp_path):
    context = FakeContext(tmp_path, given=Given(instances={("state", "a"): object()}))
    for name in ("state", "directory", "commit_log"):
        with pytest.raises(ConfigError, match="the test has given no"):
            getattr(context, name)
    assert context.require(State, "state", "a") is not None
    with pytest.raises(PluginError):
        context.require(State, "state", "b")
    with pytest.raises(LookupFailed, match="the test has given no names"):
        await context.resolver.addresses("mx.example.org")


def test_a_context_names_the_new_word_of_an_old_attribute(tmp_path):
    context = FakeContext(tmp_path)
    for old, new in (("log", "commit_log"), ("journal", "diagnostics")):
        with pytest.raises(AttributeError, match=f"since API 2 it is called '{new}'"):
            getattr(context, old)
    assert not hasattr(context, "nothing")

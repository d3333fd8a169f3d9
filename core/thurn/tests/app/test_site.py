"""Opening a site: what fails is told as it is, with all that was open closed again."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from thurn.app.application import plan_of
from thurn.app.site import STARTING_OCTETS, open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.hooks.registry import Registry
from thurn.plugin import plugin
from thurn.types.errors import ConfigError, StorageTrouble


class Steady:
    """A service that has nothing to do."""

    scope = "worker"

    async def run(self):
        await trio.sleep_forever()


@pytest.fixture
def opened():
    return []


@pytest.fixture
def make(tmp_path, opened):
    """A configuration with two services: one that has a nursery, and one that fails to open."""

    def one(failure, **site):
        @plugin("service", "steady")
        @asynccontextmanager
        async def steady():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                opened.append("steady")
                yield Steady()
                opened.remove("steady")
                nursery.cancel_scope.cancel()

        @plugin("service", "failing")
        @asynccontextmanager
        async def failing():
            raise failure
            yield

        registry = Registry(available=())
        registry.add(steady)
        registry.add(failing)
        sections = {"a": {"type": "steady"}, "b": {"type": "failing"}}
        tables = {"site": {"data": "data", **site}, "service": sections}
        return load(of_tables(tables, tmp_path), registry)

    return one


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (ConfigError(["no such host"]), "service.b: no such host"),
        (OSError("no such file"), "service.b cannot open: no such file"),
    ],
)
async def test_a_finding_is_raised_as_it_is(make, opened, failure, told):
    with pytest.raises(ConfigError) as caught:
        async with open_site(make(failure)):
            raise AssertionError
    (finding,) = caught.value.findings
    assert finding.endswith(told)
    assert opened == []


async def test_any_other_failure_too(make, opened):
    with pytest.raises(StorageTrouble):
        async with open_site(make(StorageTrouble("of another version"))):
            raise AssertionError
    assert opened == []


async def test_a_full_disk_is_told_as_that(make, tmp_path, monkeypatch):
    monkeypatch.setattr("thurn.app.site.STARTING_OCTETS", 1 << 60)
    with pytest.raises(ConfigError) as caught:
        async with open_site(make(StorageTrouble("no room"))):
            raise AssertionError
    first, second = caught.value.findings
    assert first.startswith(f"the disk of {tmp_path / 'data'} is full (")
    assert "nothing that was acknowledged is lost" in first
    assert second == "StorageTrouble('no room')"
    assert STARTING_OCTETS == 1 << 20


def test_times_of_reload_and_stop_are_settings(make):
    plan = plan_of(make(OSError(), drain="3m", stop="7s"))
    assert (plan.drain_seconds, plan.stop_seconds) == (180.0, 7.0)
    assert plan_of(make(OSError())).stop_seconds == 10.0

"""Opening a site: a failure is raised unchanged, and everything that was open is closed again."""

from __future__ import annotations

import shutil
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
from thurn_testing.fakes.service import IdleService


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
                yield IdleService()
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


async def test_a_log_that_is_not_mounted_is_no_new_site(make, opened, tmp_path):
    site = make(ConfigError(["no such host"]))
    with pytest.raises(ConfigError, match="no such host"):
        async with open_site(site):
            raise AssertionError
    shutil.rmtree(tmp_path / "data" / "log")
    with pytest.raises(ConfigError, match="not mounted"):
        async with open_site(site):
            raise AssertionError
    assert not (tmp_path / "data" / "log").exists()


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


class Keeping(IdleService):
    """Registers with the commit log."""

    def __init__(self, context):
        super().__init__()
        context.commit_log.register("kept", self)


def of_service(tmp_path, opening):
    registry = Registry(available=())
    registry.add(plugin("service", "one")(opening))
    tables = {"site": {"data": "data"}, "service": {"a": {"type": "one"}}}
    return load(of_tables(tables, tmp_path), registry)


async def finding_of(config):
    with pytest.raises(ConfigError) as caught:
        async with open_site(config):
            raise AssertionError
    (finding,) = caught.value.findings
    return finding


async def test_one_that_never_opens_ends_the_start_and_says_where_it_waits(
    tmp_path, autojump_clock
):
    @asynccontextmanager
    async def opening():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await trio.sleep_forever()
            yield

    finding = await finding_of(of_service(tmp_path, opening))
    line = opening.__wrapped__.__code__.co_firstlineno
    assert f"service.a ({__file__}:{line}) is not open after 60 s" in finding
    assert finding.endswith(f"it waits at {__file__}:{line + 4}")


async def test_one_that_swallows_its_cancellation_ends_the_start_too(tmp_path, autojump_clock):
    @asynccontextmanager
    async def opening():
        with trio.CancelScope(shield=True):
            await trio.sleep(100)
        yield IdleService()

    assert "it did not end when it was cancelled" in await finding_of(of_service(tmp_path, opening))


async def test_a_product_that_does_not_fit_its_role_ends_the_start(tmp_path):
    @asynccontextmanager
    async def opening():
        yield 3

    finding = await finding_of(of_service(tmp_path, opening))
    line = opening.__wrapped__.__code__.co_firstlineno
    assert f"service.a ({__file__}:{line}): a product of the type int has none of" in finding


async def test_what_is_not_a_context_manager_is_a_finding(tmp_path):
    async def opening():
        return IdleService()

    finding = await finding_of(of_service(tmp_path, opening))
    line = opening.__code__.co_firstlineno
    assert f"service.a: it opens a coroutine ({__file__}:{line}): decorate it" in finding


async def test_who_owns_records_has_to_say_so(tmp_path):
    @asynccontextmanager
    async def opening(context):
        yield Keeping(context)

    assert finding_is_of(await finding_of(of_service(tmp_path, opening)), Keeping)


def finding_is_of(finding, product):
    line = product.__init__.__code__.co_firstlineno - 3
    told = "it registers with the commit log: declare owns_records=True"
    return finding.endswith(f"service.a ({__file__}:{line}): {told}")

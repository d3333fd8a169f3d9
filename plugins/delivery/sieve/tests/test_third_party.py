"""Extensions of other plugins: the role `sieve`."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.hooks.registry import Registry
from thurn.plugin import plugin
from thurn.types.errors import ConfigError
from thurn_sieve.registry import Command, Extension


def _weekend(rt, args):
    return rt.context.now.isoweekday() > 5


@plugin("sieve", "weekend")
@asynccontextmanager
async def weekend():
    yield Extension(
        "vnd.example.weekend", commands=[Command("weekend", (), kind="test", run=_weekend)]
    )


@plugin("sieve", "nonsense")
@asynccontextmanager
async def nonsense():
    yield 42


def test_the_role_is_known_once_the_filter_is():
    registry = Registry()
    assert list(registry.load(["delivery.sieve"])) == []
    assert "sieve" in registry.roles()


@asynccontextmanager
async def site_with(extension, base, tables):
    """As at a start: the filter's entry point is loaded, then that of the extension."""
    registry = Registry()
    assert list(registry.load(["delivery.sieve"])) == []
    registry.add(extension)
    tables["sieve"] = {"one": {"type": extension.type_name}}
    async with open_site(load(of_tables(tables, base), registry)) as site:
        yield site


async def test_an_extension_of_another_plugin(tmp_path, site_tables):
    async with site_with(weekend, tmp_path, site_tables(tmp_path, extensions=["one"])) as site:
        engine = site.products["delivery", "sieve"].parts.engine
        assert "vnd.example.weekend" in engine.registry.capabilities()
        engine.compile('require "vnd.example.weekend"; if weekend { discard; }')


async def test_a_product_that_is_no_extension_is_a_start_up_error(tmp_path, site_tables):
    with pytest.raises(ConfigError, match=r"sieve\.one gives no Extension"):
        async with site_with(nonsense, tmp_path, site_tables(tmp_path, extensions=["one"])):
            pass

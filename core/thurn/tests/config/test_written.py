"""A configuration that is written and loaded again is the same, and no secret is in it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from thurn.config.files import of_tables, read
from thurn.config.instances import load
from thurn.config.written import as_toml
from thurn.contracts.settings import written_duration, written_size
from thurn.hooks.registry import Registry
from thurn.plugin import Duration, Secret, Settings, SitePath, Size, StoreRef, plugin


class Shelf(Settings):
    name: str
    share: float = 0.5


class StoreSettings(Settings):
    patience: Duration = 1.5
    room: Size = 3 * 2**20
    place: SitePath = Path("/place")
    words: frozenset[str] = frozenset()
    key: Secret | None = None
    mode: Literal["a", "b"] = "a"
    shelves: tuple[Shelf, ...] = ()
    labels: Annotated[dict[str, str], Field(default_factory=dict)]
    missing: str | None = None
    counts: bool = True


class ServiceSettings(Settings):
    stores: tuple[StoreRef, ...] = ()


@plugin("store", "kept")
def kept(config: StoreSettings):
    raise NotImplementedError


@plugin("service", "works")
def works(config: ServiceSettings):
    raise NotImplementedError


def registry():
    registry = Registry(available=())
    registry.add(kept, "thurn-store-kept")
    registry.add(works, "thurn-service-works")
    return registry


def round_trip(config, tmp_path):
    """The text, and what another directory loads from it."""
    other = tmp_path / "elsewhere" / "thurn.toml"
    other.parent.mkdir(exist_ok=True)
    other.write_text(as_toml(config), encoding="utf-8")
    return other.read_text("utf-8"), load(read([other]), registry())


def facts(config):
    """What is in force, in a form that compares: a secret has its value."""
    sections = {"site": config.site.model_dump()}
    for instance in config.instances.values():
        values = instance.settings.model_dump()
        if (secret := values.get("key")) is not None:
            values["key"] = secret.reveal()
        sections[instance.full_name] = (instance.common.model_dump(), values)
    return sections


SITE = """\
[site]
data = "data"
hostname = "mail.example.org"

[store.main]
type = "kept"
deadline = "250ms"
on_error = "continue"
patience = "90s"
room = "1000kB"
place = "below/é"
words = ["two", "one"]
key = { file = "key" }
shelves = [{ name = 'say "hi"' }, { name = "\\u007f\\n\\\\", share = 1e-7 }]
labels = { "a b" = "c", plain = "d" }
counts = false

[store."all mail"]
type = "kept"
enabled = true

[store.off]
type = "kept"
enabled = false

[service.one]
type = "works"
stores = ["main", "off", "all mail"]
"""


def test_every_kind_of_value_is_read_back(tmp_path):
    (tmp_path / "key").write_text("hunter2")
    (tmp_path / "key").chmod(0o600)
    path = tmp_path / "thurn.toml"
    path.write_text(SITE)
    config = load(read([path]), registry())
    text, again = round_trip(config, tmp_path)
    assert facts(again) == facts(config)
    assert "hunter2" not in text
    assert f'key = {{ file = "{tmp_path}/key" }}' in text
    assert 'words = ["one", "two"]' in text
    assert 'patience = "90s"' in text
    assert 'deadline = "250ms"' in text
    assert 'segment = "16MiB"' in text
    assert "missing" not in text


@pytest.mark.parametrize("source", [{"env": "SITE_KEY"}, {"credential": "store-key"}])
def test_a_secret_is_written_as_where_it_is(source, tmp_path, monkeypatch):
    monkeypatch.setenv("SITE_KEY", "hunter2")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "store-key").write_text("hunter2\n")
    (tmp_path / "store-key").chmod(0o600)
    tables = {
        "site": {"data": "data", "store": "main"},
        "store": {"main": {"type": "kept", "key": source}},
    }
    text, again = round_trip(load(of_tables(tables, tmp_path), registry()), tmp_path)
    assert "hunter2" not in text
    assert again.instances["store", "main"].settings.key.reveal() == "hunter2"


@given(milliseconds=st.integers(0, 400 * 86_400_000))
def test_every_duration_is_read_back(milliseconds):
    written = written_duration(milliseconds / 1000)
    assert math.isclose(StoreSettings(patience=written).patience, milliseconds / 1000)


@given(octets=st.integers(0, 2**40) | st.integers(0, 2**20).map(lambda n: n * 2**20))
def test_every_size_is_read_back(octets):
    assert StoreSettings(room=written_size(octets)).room == octets

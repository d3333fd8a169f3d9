"""The sites under contrib/examples are sound, and the front page knows every plugin."""

from __future__ import annotations

from typing import get_type_hints

import pytest
from pydantic import TypeAdapter
from test_settings import models
from thurn.config.files import read
from thurn.config.instances import load
from thurn.config.written import as_toml
from workspace import ROOT, plugins

EXAMPLES = sorted((ROOT / "contrib" / "examples").glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_sound(path):
    here_only = "there is no /"  # the certificate of a site that is not this machine's
    assert not [text for text in load(read([path])).warnings if here_only not in text]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_as_it_is_in_force_is_the_same_site(path, tmp_path):
    """What `thurn config show` prints is a site's file, and means what it was made from."""
    config = load(read([path]))
    shown = tmp_path / "shown.toml"
    shown.write_text(as_toml(config))
    again = load(read([shown]))
    assert again.site == config.site
    assert again.instances.keys() == config.instances.keys()
    for key, instance in config.instances.items():
        assert again.instances[key].common == instance.common
        assert again.instances[key].settings == instance.settings


def test_every_default_of_a_setting_can_be_written():
    """Also those of plugins that no example has."""
    count = 0
    for model in models():
        hints = get_type_hints(model, include_extras=True)
        for name, field in model.model_fields.items():
            if isinstance(field.default, int | float | str | tuple | frozenset):
                adapter = TypeAdapter(hints[name])
                written = adapter.dump_python(field.default, mode="json")
                assert adapter.validate_python(written) == field.default, (model, name)
                count += 1
    assert count > 100


def test_there_are_examples():
    assert EXAMPLES


def test_the_front_page_lists_every_plugin():
    text = (ROOT / "README.md").read_text()
    links = {f"[{m.path.name}](plugins/{m.role}/{m.path.name}/README.md)" for m in plugins()}
    assert not {link for link in links if link not in text}
    assert text.count("](plugins/") == len(links) + 1, "the table, and the map of roles"

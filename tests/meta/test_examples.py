"""The sites under contrib/examples are sound, and the front page knows every plugin."""

from __future__ import annotations

import pytest
from thurn.config.files import read
from thurn.config.instances import load
from workspace import ROOT, plugins

EXAMPLES = sorted((ROOT / "contrib" / "examples").glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_sound(path):
    here_only = "there is no /"  # the certificate of a site that is not this machine's
    assert not [text for text in load(read([path])).warnings if here_only not in text]


def test_there_are_examples():
    assert EXAMPLES


def test_the_front_page_lists_every_plugin():
    text = (ROOT / "README.md").read_text()
    links = {f"[{m.path.name}](plugins/{m.role}/{m.path.name}/README.md)" for m in plugins()}
    assert not {link for link in links if link not in text}
    assert text.count("](plugins/") == len(links) + 1, "the table, and the map of roles"

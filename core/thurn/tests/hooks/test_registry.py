"""What an entry point may lead to; everything else is a finding, and nothing is a traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest
from importlib_metadata import EntryPoint
from thurn.hooks.registry import Registry

MODULE = """\
from thurn.plugin import Factory, NoSettings, hookimpl, message_filter, plugin

@message_filter("words")
def words(message):
    return None

def plain(message):
    return None

number = 3

class Hooks:
    @hookimpl
    def thurn_register_filter(self):
        return self.answer

def hooks(answer):
    one = Hooks()
    one.answer = answer
    return one

class RaisingHooks:
    @hookimpl
    def thurn_register_filter(self):
        raise KeyError("in the hook")

raising = RaisingHooks()
other = hooks([words])
none = hooks(None)
texts = hooks(["words"])
elsewhere = hooks([Factory("relay", "words", NoSettings, words.open, "file.py:1")])
closed = hooks([Factory("filter", "words", NoSettings, None, "file.py:1")])
shapeless = hooks([Factory("filter", "words", dict, words.open, "file.py:1")])
"""


class Distribution:
    def __init__(self, name, *requires):
        self.name, self.requires = name, list(requires)


GOOD = Distribution("thurn-filter-words", "thurn>=2,<3")


def entry_point(name, value, distribution=GOOD):
    return EntryPoint(name, value, "thurn")._for(distribution)


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "words_plugin.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "words_plugin.py"
    sys.modules.pop("words_plugin", None)


def findings(name, value, distribution=GOOD):
    registry = Registry([entry_point(name, f"words_plugin:{value}", distribution)], families=())
    return list(registry.load([name]))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("filter.wrods", "words", 'leads to filter.words (MODULE:3): call it "filter.words"'),
        ("relay.words", "words", 'leads to filter.words (MODULE:3): call it "filter.words"'),
        ("filter.words", "plain", "is a function (MODULE:7) and not a plugin: decorate it"),
        ("filter.words", "number", "is of the type int, and neither a Factory nor hooks"),
        ("filter.words", "nothing", "cannot be loaded: AttributeError"),
        ("filter.words", "raising", "raised KeyError('in the hook')"),
        ("filter.words", "none", "offers a NoneType, and not a Factory"),
        ("filter.words", "texts", "offers a str, and not a Factory"),
        ("filter.words", "elsewhere", "relay.words (file.py:1), which is of another role"),
        ("filter.words", "closed", "whose `open` cannot be called"),
        ("filter.words", "shapeless", "whose settings are not a model"),
        ("filter.others", "other", "but none of them offers filter.others"),
    ],
)
def test_what_is_not_a_plugin_of_its_name_is_a_finding(module, name, value, told):
    texts = findings(name, value)
    assert any(told.replace("MODULE", str(module)) in text for text in texts), texts
    assert all("thurn-filter-words" in text for text in texts)


def test_what_is_one_is_none(module):
    assert findings("filter.words", "words") == []
    assert findings("filter.words", "other") == []


def test_nothing_is_imported_of_a_plugin_for_another_api(module):
    module.write_text("raise AssertionError\n")
    [text] = findings("filter.words", "words", Distribution("old", "thurn>=1,<2"))
    assert text == (
        "filter.words (old): it needs thurn<2,>=1, and this is API 2: "
        'get a version with "thurn>=2,<3"'
    )


def test_who_imports_is_told(module):
    steps = []
    point = entry_point("filter.words", "words_plugin:words")
    list(Registry([point], (), steps.append).load(["filter.words"]))
    assert steps == ["filter.words (thurn-filter-words)", ""]


HANGING = """\
import time

try:
    while True:
        time.sleep(0.01)
except Exception:
    pass
"""

LOADING = """\
import sys
sys.path.insert(0, {path!r})
from importlib_metadata import EntryPoint
from thurn.hooks import importing
from thurn.hooks.registry import Registry
importing.bounded_import.__wrapped__.__defaults__ = (0.05,)
point = EntryPoint("filter.words", "words_plugin:words", "thurn")
print("; ".join(Registry([point], ()).load(["filter.words"])))
"""


def test_an_import_that_hangs_ends(module):
    """In a process of its own: pytest-timeout uses the alarm here."""
    module.write_text(HANGING)
    text = LOADING.format(path=str(module.parent))
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.stderr == ""
    told = f"cannot be loaded: not imported within 0.05 s; it hangs at {module}:5"
    assert told in done.stdout

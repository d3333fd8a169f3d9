"""What the documentation shows works: tutorials are run, pages build, keys are explained."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import charts
import drawings
import layered
import models
import pytest
from test_settings import models as settings_models
from thurn.config.files import read
from thurn.config.instances import load
from thurn.contracts.listener import ReceivingSettings
from thurn.hooks.registry import Registry
from thurn_testing.newplugin.render import render
from workspace import ROOT, tree_of

BIN = Path(sys.executable).parent
DOCS = ROOT / "docs"
HOST = ROOT / "core" / "thurn" / "src" / "thurn"
BLOCK = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)


def _run(*command: str | Path, cwd: Path) -> str:
    path = f"{BIN}:/usr/bin:/bin"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(cwd / "site-packages")}
    environment["NO_MKDOCS_2_WARNING"] = "1"
    words = [str(part) for part in command]
    done = subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _unpack(page: str, target: Path) -> list[str]:
    """Write the blocks of a page that have a title; returns the titles."""
    blocks = BLOCK.findall((DOCS / page).read_text())
    for title, text in blocks:
        path = target / title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [title for title, _ in blocks]


def _touch(target: Path, *names: str) -> None:
    """What the page does not show of a distribution."""
    for name in names:
        (target / name).touch()


@pytest.mark.slow
def test_the_first_plugin_installs_and_passes_its_test(tmp_path):
    titles = _unpack("tutorial/first-plugin.md", tmp_path)
    assert len(titles) == 4
    _touch(tmp_path, "README.md", "src/thurn_filter_words/__init__.py")
    install = ("uv", "pip", "install", "-q", "--no-deps", "--offline", "--no-cache", "--target")
    _run(*install, tmp_path / "site-packages", tmp_path, cwd=tmp_path)
    output = _run("pytest", "-q", "-o", "trio_mode=true", "tests", cwd=tmp_path)
    assert "3 passed" in output


@pytest.mark.slow
def test_the_policy_of_sessions_passes_its_test(tmp_path):
    titles = _unpack("tutorial/session-rules.md", tmp_path)
    assert len(titles) == 2
    (tmp_path / "site-packages").symlink_to(tmp_path / "src")
    output = _run("pytest", "-q", "-o", "trio_mode=true", "tests", cwd=tmp_path)
    assert "1 passed" in output


def test_the_first_plugin_is_what_the_command_writes(tmp_path):
    """So its types are sound: `test_template` proves it of what the command writes."""
    _unpack("tutorial/first-plugin.md", tmp_path / "page")
    for written in render("filter", "words", tmp_path / "new"):
        shown = tmp_path / "page" / written.relative_to(tmp_path / "new")
        assert not shown.exists() or shown.read_text() == written.read_text()
    assert len([*(tmp_path / "page").rglob("*.py")]) == 2


@pytest.mark.slow
@pytest.mark.skipif(
    not (ROOT / "plugins" / "listener" / "smtp").exists(), reason="there is no SMTP listener yet"
)
def test_the_site_of_the_first_plugin_is_sound(tmp_path):
    _unpack("tutorial/first-plugin.md", tmp_path)
    _touch(tmp_path, "README.md", "src/thurn_filter_words/__init__.py")
    install = ("uv", "pip", "install", "-q", "--no-deps", "--offline", "--no-cache", "--target")
    _run(*install, tmp_path / "site-packages", tmp_path, cwd=tmp_path)
    script = (
        "from pathlib import Path\n"
        "from thurn.config.files import read\n"
        "from thurn.config.instances import load\n"
        "config = load(read([Path('site.toml')]))\n"
        "assert not config.warnings, config.warnings\n"
        "assert ('filter', 'words') in config.instances\n"
    )
    _run(sys.executable, "-c", script, cwd=tmp_path)


@pytest.mark.slow
def test_the_sieve_command_of_the_tutorial_works(tmp_path):
    """The functions, their test and the script, put together as a file of tests."""
    text = (DOCS / "tutorial" / "first-plugin.md").read_text().partition("## Your own Sieve")[2]
    functions, test = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (script,) = re.findall(r"^```sieve\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    compiles = (
        "from thurn_sieve.engine import Engine\n"
        "from thurn_sieve.ext.extensions import shipped\n\n\n"
        "async def test_the_script_compiles():\n"
        "    registry = shipped()\n"
        "    for factory in (office_hours, archive):\n"
        "        async with factory.open(factory.settings(), None) as extension:\n"
        "            registry.add(extension)\n"
        f"    assert Engine(registry).compile({script!r})\n"
    )
    (tmp_path / "test_words.py").write_text("\n".join([functions, test, compiles]))
    output = _run("pytest", "-q", "-o", "trio_mode=true", "test_words.py", cwd=tmp_path)
    assert "2 passed" in output


@pytest.mark.parametrize("page", ["tutorial/first-server.md"])
def test_a_site_in_a_tutorial_is_sound(page, tmp_path):
    text = (DOCS / page).read_text()
    (site,) = re.findall(r"^```toml\n(\[site\].*?)^```$", text, re.DOTALL | re.MULTILINE)
    file = tmp_path / "site.toml"
    file.write_text(site)
    types = re.findall(r'^\[(\w+)\.\w+\]\ntype = "([\w-]+)"', site, re.MULTILINE)
    missing = {f"{role}.{name}" for role, name in types} - set(Registry().names())
    if missing:
        pytest.skip(f"not there yet: {', '.join(sorted(missing))}")
    assert not load(read([file])).warnings


def _arguments(name: str) -> set[str]:
    """The keywords of all calls of a method of this name in the host."""
    return {
        keyword.arg
        for path in HOST.rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
        and ast.unparse(node.func.value).endswith(("journal", "entry"))
        for keyword in node.keywords
        if keyword.arg is not None
    }


@pytest.mark.parametrize("method", ["begin", "note", "stage"])
def test_every_key_of_the_journal_is_explained(method):
    page = (DOCS / "reference" / "journal.md").read_text()
    keys = _arguments(method)
    assert keys
    assert not {key for key in keys if f"`{key}`" not in page}


def test_every_reason_of_the_host_is_explained():
    page = (DOCS / "reference" / "journal.md").read_text()
    said = set()
    for folder in ("chain", "mailflow", "app"):
        for path in (HOST / folder).glob("*.py"):
            source = path.read_text()
            said |= set(re.findall(r'(?:Tempfail|Reject)\(\s*"([a-z]+\.[a-z]+)"', source))
            said |= set(re.findall(r'as_refusal\([^"]*"([a-z]+\.[a-z]+)"', source))
            said |= set(re.findall(r'reason="([a-z]+\.[a-z]+)"', source))
    assert len(said) > 5
    assert not {reason for reason in said if f"`{reason}`" not in page}


def test_a_table_of_settings_has_every_key():
    for model in settings_models():
        text = models.table(model)
        for name, field in model.model_fields.items():
            assert f"| `{field.alias or name}` |" in text
            assert "typing." not in text


def test_defaults_are_shown_as_they_would_be_written():
    text = models.table(ReceivingSettings)
    assert '| `size_limit` | size | `"50MiB"` |' in text
    assert '| `idle` | duration | `"5m"` |' in text
    assert "| `bind` | list of text | required |" in text
    assert "| `filters` | list of `filter` instances |" in text


@pytest.mark.slow
@pytest.mark.skipif(find_spec("thurn.cli.main") is None, reason="there is no command line yet")
def test_the_documentation_builds_without_a_warning(tmp_path):
    output = _run("mkdocs", "build", "-q", "--strict", "-d", tmp_path / "site", cwd=ROOT)
    assert not output.strip()
    foreign = re.compile(r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//')
    for page in (tmp_path / "site").rglob("*.html"):
        assert not foreign.search(page.read_text()), page


def test_a_chart_is_drawn_whole():
    source = "flowchart TD\n    A[start & go] --> B{sure?}\n    B -- yes --> C\n    B -- no --> A\n"
    picture = drawings.picture(source)
    root = ElementTree.fromstring(picture)
    texts = [element.text for element in root.iter() if element.text]
    assert sorted(texts) == sorted(["start & go", "sure?", "C", "yes", "no"])
    assert sum(element.tag.endswith("path") for element in root.iter()) == 3
    assert "\n" not in picture
    assert picture == drawings.picture(source)


@pytest.mark.parametrize("line", ["A -> B", "A -->", "--> B", "A[x] B", "subgraph one"])
@pytest.mark.parametrize("kind", ["flowchart TD", "stateDiagram-v2"])
def test_an_unreadable_line_of_a_chart_is_reported(kind, line):
    with pytest.raises(ValueError, match=re.escape(repr(line))):
        charts.read(f"{kind}\n{line}\n")


def test_no_two_nodes_of_a_chart_overlap():
    for page in sorted(DOCS.rglob("*.md")):
        for fence in drawings.FENCE.findall(page.read_text()):
            chart = charts.read(fence)
            arrows = [(a, b, (40.0, 19.0)) for a, b, _ in chart.arrows if a != b]
            placed = layered.place(dict.fromkeys(chart.nodes, (100.0, 30.0)), arrows)
            for layer in placed.layers:
                for left, right in pairwise(layer):
                    assert right.x - left.x >= (left.width + right.width) / 2 + 1
            for (before, after, _), turned in zip(arrows, placed.turned, strict=True):
                top, bottom = placed.nodes[before].layer, placed.nodes[after].layer
                assert top > bottom if turned else top < bottom

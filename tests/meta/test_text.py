"""What is written: citations, links, addresses that belong to a machine.

Rules of this file: one test looks at all files and lists everything that is wrong. A test for each
file would take much longer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from workspace import ROOT, plugins, short, source_files, tracked_files

TEXT_SUFFIXES = frozenset(
    {
        ".cfg",
        ".css",
        ".html",
        ".ini",
        ".js",
        ".json",
        ".lock",
        ".md",
        ".py",
        ".service",
        ".sh",
        ".tmpl",
        ".toml",
        ".txt",
        ".yaml",
        ".yml",
    }
)
THIS = "tests/meta/test_text.py"
FOREIGN = re.compile(
    r"pypi\.(?:org|python\.org)|pythonhosted|--(?:extra-)?index-url|\bindex_url\b|/simple/"
    r"|(?<![\w.])/(?:work|root|opt/pypi)[/-]"
)
"""Addresses of package registries and paths of one machine."""
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
MALFORMED = re.compile(
    r"\bRFC[-_]?(?!822\b)\d{3,5}\b|\bRFC\s+\d{3,5},?\s+(?:section|sect?\.|chapter|§ )"
    r"|\b[Ss]ection\s+[\d.]+\s+of\s+RFC|§\s+\d"
)
CITATION = re.compile(r"\bRFC (\d{1,5})(?: §([A-Z]?[\d.]*\d|[A-Z]))?")
NUMBERED_DECISION = re.compile(r"\b[Dd]esign(?:\.md)?,? ?D\d|\(D\d+(?:, ?D\d+)*\)|^D\d+: ")


def _texts() -> list:
    return [
        path
        for path in tracked_files()
        if (path.suffix in TEXT_SUFFIXES or path.name in {"do", "run"})
        and short(path) != THIS
        and "/tests/data/" not in str(path)
    ]


def _documents() -> list:
    return [path for path in tracked_files() if path.suffix == ".md"]


def _lines(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Each line with its place."""
    for path in paths:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            yield f"{short(path)}:{number}", line


def test_nothing_names_a_registry_or_a_path_of_one_machine():
    places = [
        f"{place}: {line.strip()[:120]}" for place, line in _lines(_texts()) if FOREIGN.search(line)
    ]
    assert not places, "\n".join(places)


def test_links_lead_to_files():
    wrong = []
    for path in _documents():
        for target in LINK.findall(_without_code(path.read_text())):
            if re.match(r"[a-z]+:", target) or target.startswith("#"):
                continue
            file = (path.parent / target.partition("#")[0]).resolve()
            if not (file.exists() and file.is_relative_to(ROOT)):
                wrong.append(f"{short(path)}: {target}")
    assert not wrong, "\n".join(wrong)


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def test_standards_are_cited_in_one_form():
    """`RFC 5321 §4.1.1.3`: so that a place can be found, and found again."""
    paths = [p for p in _texts() if p.suffix in {".py", ".md"} and "transcripts" not in p.parts]
    places = [
        f"{place}: {citation[0]!r}"
        for place, line in _lines(paths)
        if (citation := MALFORMED.search(line))
    ]
    assert not places, "\n".join(places)


def test_no_decision_is_cited_by_its_number():
    """A reader must not have to look a number up: text says the reason itself, or names a record
    (`docs/adr`)."""
    places = [
        f"{place}: {line.strip()[:120]}"
        for place, line in _lines(_texts())
        if NUMBERED_DECISION.search(line)
    ]
    assert not places, "\n".join(places)


@pytest.mark.parametrize("member", plugins(), ids=str)
def test_a_readme_is_a_manual_page(member):
    text = (member.path / "README.md").read_text()
    if member.role != "command":
        assert "```toml" in text, "an example"
        assert f'type = "{member.path.name}"' in text


ELSEWHERE = re.compile(
    r"\b(?:reliability|performance|style|features|design|dependencies)"
    r"(?:\.md\b|:? (?:performance )?(?:rule\b|§))"
)


def test_nothing_cites_documents_that_are_not_here():
    assert not [short(p) for p in source_files() if ELSEWHERE.search(p.read_text())]

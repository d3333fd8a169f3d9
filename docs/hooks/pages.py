"""Makes the pages that follow from the code: a page per plugin (its README and its settings), the
configuration reference, the command reference, and the root's own documents. Draws their charts.

Called by MkDocs while it builds; nothing is written into the repository.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic import BaseModel

sys.path.insert(0, str(Path(__file__).parent))

import rfcs
from commands import command_pages
from drawings import draw_fences
from models import table
from thurn.config.instances import CommonSettings
from thurn.config.site import SiteSettings
from thurn.contracts.factory import Factory
from thurn.contracts.listener import ListenerSettings, ReceivingSettings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
INCLUDED = {
    "ARCHITECTURE.md": "explanation/architecture.md",
    "docs/explanation/where.md": "explanation/where.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
LINK = re.compile(r"\[([^\]\n]*)\]\(([^)\s]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the plugins and the libraries on the map."""
    pages = [{"The map of roles": "plugins/index.md"}]
    pages += [{name: page} for page, name in ((p, _title(m)) for m, p in _members("plugins"))]
    libraries = [{_title(member): page} for member, page in _members("core")]
    states = [
        f"explanation/states/{path.name}" for path in sorted(DOCS.glob("explanation/states/*"))
    ]
    assert config.nav is not None
    config.nav[3:3] = [{"Plugins": pages}, {"Libraries": libraries}]
    config.nav.append({"Protocol states": states})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for page, text in _pages():
        existing = files.get_file_from_path(page)
        if existing is not None:
            files.remove(existing)
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Fill in what a page asks for by a comment, and let links lead to the pages of their files."""
    for marker, make in GENERATED.items():
        if marker in markdown:
            markdown = markdown.replace(marker, make())
    uri = page.file.src_uri
    if uri.startswith("explanation/states/"):
        page.meta["hide"] = ["toc"]  # the pictures are wide
    return draw_fences(_relink(markdown, (DOCS / uri).parent, uri))


def _members(group: str) -> list[tuple[Path, str]]:
    """The distributions of a group, each with its page."""
    pattern = "*/*/pyproject.toml" if group == "plugins" else "*/pyproject.toml"
    found = sorted(path.parent for path in (ROOT / group).glob(pattern))
    return [(path, _page_of(path)) for path in found]


def _page_of(member: Path) -> str:
    relative = member.relative_to(ROOT)
    if relative.parts[0] == "core":
        return f"libraries/{relative.name}.md"
    return f"{relative}.md"


def _title(member: Path) -> str:
    relative = member.relative_to(ROOT)
    return relative.name if relative.parts[0] == "core" else "/".join(relative.parts[1:])


def _pages() -> Iterator[tuple[str, str]]:
    for member, page in [*_members("core"), *_members("plugins")]:
        text = (member / "README.md").read_text("utf-8")
        settings = "".join(_settings_of(member))
        yield page, _relink(text, member, page) + settings
    yield "plugins/index.md", _included("plugins/README.md", "plugins/index.md")
    yield "reference/rfcs.md", rfcs.page()
    for source, page in INCLUDED.items():
        yield page, _included(source, page)


def _included(source: str, page: str) -> str:
    path = ROOT / source
    return _relink(path.read_text("utf-8"), path.parent, page)


def _relink(text: str, base: Path, page: str) -> str:
    """Replace links to files: by links to their pages, or by their names if they have none."""

    def replace(match: re.Match[str]) -> str:
        label, target = match[1], match[2]
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        file, _, fragment = target.partition("#")
        goal = _page_for((base / file).resolve())
        if goal is None:
            return label
        up = "../" * page.count("/")
        return f"[{label}]({up}{goal}{'#' + fragment if fragment else ''})"

    return LINK.sub(replace, text)


def _page_for(path: Path) -> str | None:
    if path.is_relative_to(DOCS) and path.suffix == ".md":
        return str(path.relative_to(DOCS))
    relative = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else ""
    if relative in INCLUDED:
        return INCLUDED[relative]
    if relative in {"plugins", "plugins/README.md"}:
        return "plugins/index.md"
    member = path.parent if path.name == "README.md" else path
    return _page_of(member) if (member / "pyproject.toml").is_file() and member != ROOT else None


def factories(member: Path) -> Iterator[Factory]:
    """What a distribution offers."""
    project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    for point in metadata.distribution(project["name"]).entry_points.select(group="thurn"):
        loaded = point.load()
        if isinstance(loaded, Factory):
            yield loaded
        else:
            yield from getattr(loaded, f"thurn_register_{point.name.partition('.')[0]}")()


def base_of(settings: type[BaseModel]) -> type[BaseModel] | None:
    """The common model that these settings derive from, whose keys have a page of their own."""
    bases = (ReceivingSettings, ListenerSettings)
    return next((base for base in bases if issubclass(settings, base)), None)


def _settings_of(member: Path) -> Iterator[str]:
    for factory in factories(member):
        base = base_of(factory.settings)
        yield f'\n\n## All keys of `type = "{factory.type_name}"` (role {factory.role})\n\n'
        if base is not None:
            anchor = "listeners-that-receive-mail" if base is ReceivingSettings else "listeners"
            yield f"Besides [those of listeners](../../reference/config.md#{anchor}):\n\n"
        yield table(factory.settings, without=(base,) if base else ())


def _plugin_list() -> str:
    lines = []
    for member, page in _members("plugins"):
        project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
        lines.append(f"- [{_title(member)}](../{page}): {project['description']}\n")
    return "".join(lines)


GENERATED = {
    "<!-- generated: site -->": lambda: table(SiteSettings),
    "<!-- generated: common -->": lambda: table(CommonSettings),
    "<!-- generated: listener -->": lambda: table(ListenerSettings),
    "<!-- generated: receiving -->": lambda: table(ReceivingSettings, without=(ListenerSettings,)),
    "<!-- generated: plugins -->": _plugin_list,
    "<!-- generated: commands -->": command_pages,
}

__all__ = ["base_of", "factories", "on_config", "on_files", "on_page_markdown"]

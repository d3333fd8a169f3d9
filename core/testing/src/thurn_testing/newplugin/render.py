"""Writes the first version of a plugin: `thurn plugins new <role> <name>`.

Rules: what is written is a whole distribution that installs, is found by its entry point and
passes its own tests; nothing that exists is overwritten. Where a page of code keeps the contract,
it is `template/<role>.py.tmpl`, and the test runs the kit of the role. A store and a transport get
a class with the methods of their contract (`class.py.tmpl`); the test of a store runs the kit too,
which stops at the first method that is not written.
"""

from __future__ import annotations

import re
from importlib import resources
from keyword import iskeyword
from pathlib import Path
from string import Template
from typing import Final

from thurn.types.errors import ThurnError

from thurn_testing.newplugin.skeleton import KITS, PRODUCTS, kit_test, product_class

FUNCTIONS: Final = ("filter", "policy", "relay", "login", "outgoing", "router", "sasl", "sieve")
"""Roles whose simplest plugin is a function."""
HEADS: Final = {
    "imap": ("listener", ', "thurn-listener-imap", "thurn-wire"'),
    "sieve": ("delivery", ', "thurn-sieve"'),
}
"""Families: the role of their head, and what an extension depends on besides the host."""
TEST_NEEDS: Final = {"search": "thurn-store-memory", "tls": "thurn-tls-selfsigned"}
"""The distribution that the test of a role needs besides `thurn-testing`."""
ROLES: Final = tuple(dict.fromkeys((*FUNCTIONS, *HEADS, *PRODUCTS)))
_NAME: Final = re.compile(r"[a-z][a-z0-9]*+(?:-[a-z0-9]++)*+")
NAME_CHARACTERS: Final = 40
"""Enough for any word; a path of folders and file names stays far below 255."""


class NewPluginError(ThurnError):
    """The plugin cannot be written; the text says why."""


def render(role: str, name: str, target: Path) -> list[Path]:
    """Write the plugin `<role>.<name>` into a new directory; returns the files.

    Args:
        role: one of `ROLES`.
        name: the word behind `type =`: lower-case words joined by "-".
        target: the distribution's directory; must not exist, or be empty.

    Raises:
        NewPluginError: wrong role or name, or the directory has something in it.
    """
    if role not in ROLES:
        raise NewPluginError(f"there is no role {role!r}; choose one of {', '.join(ROLES)}")
    if not _NAME.fullmatch(name) or len(name) > NAME_CHARACTERS:
        raise NewPluginError(f"{name!r} is no plugin name: lower-case words joined by '-'")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise NewPluginError(f"{target} exists and is not empty")
    written = []
    for path, template in _layout(role, name):
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_fill(template, role, name), "utf-8")
        written.append(file)
    return written


def _layout(role: str, name: str) -> list[tuple[str, str]]:
    """The files of the distribution, each with its template."""
    module = _module(role, name)
    form = "class" if role in KITS else role
    return [
        ("pyproject.toml", "pyproject.toml.tmpl"),
        ("README.md", "README.md.tmpl"),
        (f"src/{module}/__init__.py", "init.py.tmpl"),
        (f"src/{module}/factory.py", f"{form}.py.tmpl"),
        (f"src/{module}/py.typed", "py.typed.tmpl"),
        (f"tests/test_{module}.py", f"test_{form}.py.tmpl"),
    ]


def _module(role: str, name: str) -> str:
    return f"thurn_{role}_{name}".replace("-", "_")


def _fill(template: str, role: str, name: str) -> str:
    word, (head, needs) = name.replace("-", "_"), HEADS.get(role, ("", ""))
    words = {
        "role": role,
        "name": name,
        # What a script calls it is the function's own name.
        "function": word + "_" * iskeyword(word) if role == "sieve" else f"{word}_{role}",
        "word": word,
        "model": "".join(word.capitalize() for word in name.split("-")) + "Settings",
        "mechanism": name.upper(),
        "module": _module(role, name),
        "distribution": f"thurn-{role}-{name}",
        "needs": needs,
        "kit": head and f', "thurn-{head}-{role}"',
        "product": "".join(word.capitalize() for word in name.split("-")) + role.capitalize(),
        "enabling": head and f'\n[{head}.{role}]\ntype = "{role}"\nextensions = ["{name}"]\n',
    }
    if role in TEST_NEEDS:
        words["kit"] = f', "{TEST_NEEDS[role]}"'
    if role in KITS:
        words |= product_class(role) | kit_test(role, words["function"])
    text = resources.files(__package__).joinpath("template", template).read_text("utf-8")
    return Template(text).substitute(words)

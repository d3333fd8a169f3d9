"""The lists in the root pyproject.toml that follow from which distributions exist.

A list stands between `# --- generated: NAME` and `# --- end generated`. Nothing else in the file
is touched.
"""

from __future__ import annotations

import re

from workspace import CORE_ORDER, FAMILIES, PURE, ROOT, members, plugins

PYPROJECT = ROOT / "pyproject.toml"
SECTION = re.compile(
    r"(?P<begin>^# --- generated: (?P<name>\w+)\n).*?(?P<end>^# --- end generated$)",
    re.DOTALL | re.MULTILINE,
)
HOST = (
    "cli",
    "plugin",
    "app",
    "mailflow | gate",
    "delivery",
    "directory",
    "chain",
    "net | log",
    "config",
    "hooks | telemetry",
    "contracts",
    "types",
)
"""The layers inside `thurn`, top to bottom."""
PUBLIC = ("plugin", "types", "contracts", "hooks", "telemetry")
"""What plugins may see of it."""
IMPURE = (
    "asyncio",
    "multiprocessing",
    "random",
    "secrets",
    "select",
    "selectors",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "thurn",
    "time",
    "trio",
)
"""What a pure library never imports: input and output, clocks, chance, the host."""

KNOWN_CYCLES: tuple[str, ...] = ()
"""May only shrink: an entry that no longer matches is an error of `lint-imports`."""


def _strings(values: list[str] | tuple[str, ...]) -> str:
    return "[\n" + "".join(f'  "{value}",\n' for value in values) + "]"


def sources() -> str:
    """Every member as a source of the workspace."""
    lines = [
        f"{name} = {{ workspace = true }}\n" for name in sorted(m.distribution for m in members())
    ]
    return "[tool.uv.sources]\n" + "".join(lines)


def mypy() -> str:
    """What a plain `mypy` at the root checks."""
    packages = _strings([member.module for member in members()])
    paths = _strings([f"$MYPY_CONFIG_FILE_DIR/{member}/src" for member in members()])
    return f"packages = {packages}\nmypy_path = {paths}\n"


def _existing(modules: tuple[str, ...]) -> list[str]:
    known = {member.module for member in members()}
    return [module for module in modules if module in known]


def _layers() -> list[str]:
    """The distributions, top to bottom; siblings are strangers."""
    testing, kit, host, sieve, message, wire = CORE_ORDER
    extensions = [member.module for member in plugins() if member.role in FAMILIES]
    others = [member.module for member in plugins() if member.role not in FAMILIES]
    wanted = [_existing((testing,)), extensions, others, _existing((kit,)), _existing((host,))]
    wanted.append(_existing((sieve,)))
    wanted.append(_existing((message, wire)))
    return [" | ".join(layer) for layer in wanted if layer]


def _contract(name: str, kind: str, **lines: str) -> str:
    head = f'\n[[tool.importlinter.contracts]]\nname = "{name}"\ntype = "{kind}"\n'
    return head + "".join(f"{key} = {value}\n" for key, value in lines.items())


def importlinter() -> str:
    """The import contracts."""
    roots = [member.module for member in members()]
    private = [
        f"thurn.{module}" for layer in HOST for module in layer.split(" | ") if module not in PUBLIC
    ]
    existing = [name for name in private if _exists(name)]
    present = [layer for layer in (_present(layer) for layer in HOST) if layer]
    return "".join(
        (
            "[tool.importlinter]\n",
            f"root_packages = {_strings(roots)}\ninclude_external_packages = true\n",
            _contract(
                "extensions > plugins > host > libraries; siblings are strangers",
                "layers",
                layers=_strings(_layers()),
            ),
            _contract(
                "layers of the host",
                "layers",
                containers='["thurn"]',
                layers=_strings(present),
                exhaustive="true",
            ),
            _contract(
                "plugins see the public half of the host",
                "protected",
                protected_modules=_strings(existing),
                allowed_importers='["thurn", "thurn_kit", "thurn_testing"]',
            ),
            _contract(
                "plugins and kit import the host by its façade",
                "forbidden",
                source_modules=_strings(["thurn_kit", *(member.module for member in plugins())]),
                forbidden_modules=_strings(
                    [f"thurn.{name}" for name in PUBLIC if name != "plugin"]
                ),
                allow_indirect_imports="true",
            ),
            _contract(
                "the public half stands alone",
                "forbidden",
                source_modules=_strings([f"thurn.{name}" for name in PUBLIC]),
                forbidden_modules=_strings(existing),
            ),
            _contract(
                "wire, message and sieve do no I/O",
                "forbidden",
                source_modules=_strings(_existing(PURE)),
                forbidden_modules=_strings(IMPURE),
            ),
            _contract(
                "no circles between modules of one distribution",
                "acyclic_siblings",
                ancestors=_strings(roots),
                ignore_imports=_strings(KNOWN_CYCLES),
            ),
        )
    )


def _exists(name: str) -> bool:
    path = ROOT.joinpath("core", "thurn", "src", *name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def _present(layer: str) -> str:
    return " | ".join(name for name in layer.split(" | ") if _exists(f"thurn.{name}"))


LISTS = {"sources": sources, "mypy": mypy, "importlinter": importlinter}


def render(text: str) -> str:
    """The file with every generated list as it ought to be."""
    unknown = {match["name"] for match in SECTION.finditer(text)} ^ set(LISTS)
    if unknown:
        raise ValueError(f"generated lists of pyproject.toml: {', '.join(sorted(unknown))}?")
    return SECTION.sub(lambda match: match["begin"] + LISTS[match["name"]]() + match["end"], text)

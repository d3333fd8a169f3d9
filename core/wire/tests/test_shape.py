"""All engines have one shape: the same files for the same ideas, the same verbs, no circles."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest
import thurn_wire
from thurn_wire.dialogue import Dialogue
from thurn_wire.event import Closed, Pause, Reason

SOURCE = Path(thurn_wire.__file__).parent
PROTOCOLS = ("smtp", "imap", "pop3")
MODULES = {
    "answer",
    "client",
    "command",
    "config",
    "event",
    "limits",
    "reading",
    "reply",
    "server",
    "session",
    "state",
}
FAMILIES = {"grammar", "spelling"}
VERBS = {
    "receive_data",
    "next_event",
    "send",
    "data_to_send",
    "send_failed",
    "tls_started",
    "state",
}
SERVER_VERBS = {"accept", "challenge"}
CLIENT_VERBS = {"respond", "cancel", "waits"}
CLASSES = {"smtp": "Smtp", "imap": "Imap", "pop3": "Pop3"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_same_files(protocol):
    found = {path.stem for path in (SOURCE / protocol).iterdir()}
    assert found >= MODULES | FAMILIES


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("side", "verbs"), [("server", SERVER_VERBS), ("client", CLIENT_VERBS)])
def test_the_same_verbs(protocol, side, verbs):
    module = import_module(f"thurn_wire.{protocol}.{side}")
    engine = getattr(module, f"{CLASSES[protocol]}{side.capitalize()}")
    assert {name for name in dir(engine) if not name.startswith("_")} >= VERBS | verbs
    assert engine.__mro__ == (engine, object), "an engine has parts, not bases"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_same_names(protocol):
    reply = import_module(f"thurn_wire.{protocol}.reply")
    assert {"Reply", "CommandError"} <= set(vars(reply))
    event = import_module(f"thurn_wire.{protocol}.event")
    assert event.Pause is Pause
    assert event.Reason is Reason
    assert event.Closed is Closed
    assert set(event.__all__) >= {"Connected", "AuthResponse", "AuthCancelled", "Event"}
    session = import_module(f"thurn_wire.{protocol}.session").Session
    assert session.__mro__[1] is Dialogue


def name_of(path):
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in SOURCE.rglob("*.py")}


def imported(path):
    """The modules of this distribution that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("thurn_wire"):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in NAMES else node.module


def test_no_circles():
    graph = {name: set(imported(path)) - {name} for name, path in NAMES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(NAMES)


def folder_of(name):
    """The folder in which a module lies, or that it is; None for the shared modules."""
    path = NAMES[name]
    return None if path.parent == SOURCE else path.relative_to(SOURCE).parts[0]


def test_protocols_are_strangers():
    """A folder imports itself and the shared modules; the shared modules import one another."""
    for name, path in NAMES.items():
        for other in imported(path):
            assert folder_of(other) in {None, folder_of(name)}, (name, other)

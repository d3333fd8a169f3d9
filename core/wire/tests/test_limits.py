"""Every limit has its reason, is used, and is never under what its RFC requires."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest
import thurn_wire

SOURCE = Path(thurn_wire.__file__).parent
MODULES = ("smtp.limits", "pop3.limits", "imap.limits", "proxy.limits", "sasl", "linebuffer")
CODE = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))


def constants(module):
    """Names of the limits of a module, each with the docstring below it."""
    path = SOURCE / Path(*module.split(".")).with_suffix(".py")
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.AnnAssign) or not node.target.id.isupper():
            continue
        if isinstance(getattr(import_module(f"thurn_wire.{module}"), node.target.id), int):
            is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            yield node.target.id, following.value.value if is_text else ""


LIMITS = [(module, *limit) for module in MODULES for limit in constants(module)]
MINIMUMS = {
    ("smtp", "COMMAND_LINE_OCTETS"): 512,  # RFC 5321 §4.5.3.1.4
    ("smtp", "PATH_LINE_OCTETS"): 512,  # RFC 5321 §4.5.3.1.4
    ("smtp", "REPLY_LINE_OCTETS"): 512,  # RFC 5321 §4.5.3.1.5
    ("smtp", "REPLY_LINE_READ_OCTETS"): 512,  # RFC 5321 §4.5.3.1.5
    ("smtp", "RECIPIENTS"): 100,  # RFC 5321 §4.5.3.1.8
    ("smtp", "RECIPIENTS_FLOOR"): 100,  # RFC 5321 §4.5.3.1.8
    ("smtp", "MESSAGE_OCTETS"): 65_536,  # RFC 5321 §4.5.3.1.7
    ("smtp", "MESSAGE_OCTETS_FLOOR"): 65_536,  # RFC 5321 §4.5.3.1.7
    ("smtp", "SIZE_DIGITS"): 20,  # RFC 1870 §4
    ("pop3", "COMMAND_LINE_OCTETS"): 255,  # RFC 2449 §4
    ("pop3", "REPLY_LINE_OCTETS"): 512,  # RFC 2449 §4
    ("pop3", "REPLY_LINE_READ_OCTETS"): 512,  # RFC 2449 §4
    ("pop3", "UID_OCTETS"): 70,  # RFC 1939 §7
    ("imap", "LINE_BEFORE_LOGIN_OCTETS"): 8_192,  # RFC 9051 §4
    ("imap", "LINE_OCTETS"): 8_192,  # RFC 9051 §4
    ("imap", "LINE_OCTETS_FLOOR"): 8_192,  # RFC 9051 §4
    ("imap", "LITERAL_MINUS_OCTETS"): 4_096,  # RFC 7888 §5
    ("imap", "ID_PAIRS"): 30,  # RFC 2971 §3.3
    ("imap", "ID_OCTETS"): 4_096,
    ("sasl", "LINE_OCTETS"): 12_288,  # RFC 4954 §4
    ("sasl", "MECHANISM_OCTETS"): 20,  # RFC 4422 §3.1
}


@pytest.mark.parametrize(("module", "name", "reason"), LIMITS, ids=lambda value: value[:40])
def test_limit(module, name, reason):
    assert getattr(import_module(f"thurn_wire.{module}"), name) >= 1
    assert len(reason) > 40
    assert CODE.count(name) > 1, "it is not used"


@pytest.mark.parametrize(("place", "minimum"), MINIMUMS.items(), ids=str)
def test_minimum(place, minimum):
    module, name = place
    module = f"thurn_wire.{module}" if module == "sasl" else f"thurn_wire.{module}.limits"
    assert getattr(import_module(module), name) >= minimum


def test_what_a_site_cannot_go_below_is_not_above_the_default():
    smtp = import_module("thurn_wire.smtp.limits")
    imap = import_module("thurn_wire.imap.limits")
    assert smtp.RECIPIENTS_FLOOR <= smtp.RECIPIENTS
    assert smtp.MESSAGE_OCTETS_FLOOR <= smtp.MESSAGE_OCTETS
    assert imap.LINE_OCTETS_FLOOR <= imap.LINE_BEFORE_LOGIN_OCTETS <= imap.LINE_OCTETS

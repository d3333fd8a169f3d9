"""The table of limits: every one is named, reasoned and used."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from thurn_wire.imap import limits

SOURCE = Path(limits.__file__)
BODY = ast.parse(SOURCE.read_text(encoding="utf-8")).body
NAMES = [node.target.id for node in BODY if isinstance(node, ast.AnnAssign)]
CODE = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.parent.rglob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_limit(name):
    assert getattr(limits, name) >= 1
    place = next(
        i
        for i, node in enumerate(BODY)
        if getattr(node, "target", None) is not None and node.target.id == name
    )
    reason = BODY[place + 1]
    assert isinstance(reason, ast.Expr)
    assert isinstance(reason.value, ast.Constant)
    assert len(reason.value.value) > 20
    assert f"limits.{name}" in CODE


def test_minimums():
    assert limits.LINE_BEFORE_LOGIN_OCTETS >= limits.LINE_OCTETS_FLOOR  # RFC 9051 §4
    assert limits.LINE_OCTETS >= limits.LINE_BEFORE_LOGIN_OCTETS
    assert limits.ID_PAIRS == 30  # RFC 2971 §3.3
    assert limits.MECHANISM_OCTETS == 20  # RFC 4422 §3.1

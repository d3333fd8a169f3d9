"""The manual page of each plugin, its README, has every setting with its true default."""

from __future__ import annotations

import re
from typing import get_type_hints

import models
import pages
import pytest
from workspace import plugins

KEY = re.compile(r"`([a-z][a-z0-9_]*)`")
MARKS = str.maketrans("", "", '`"')


def _factories(member):
    return [(f, pages.base_of(f.settings)) for f in pages.factories(member.path)]


def _rows(member):
    """What the tables with a column `default` say: the key's default as it is written there."""
    rows, column = {}, None
    for line in (member.path / "README.md").read_text().splitlines():
        if not line.startswith("|"):
            column = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if "default" in cells:
            column = cells.index("default")
        elif column is not None:
            keys = KEY.findall(cells[0])
            each = cells[column].split(", ") if len(keys) > 1 else [cells[column]]
            said = each if len(each) == len(keys) else [cells[column]] * len(keys)
            rows |= dict(zip(keys, said, strict=True))
    return rows


def _own(settings, base):
    """The fields that the base does not have, or has with another default."""
    inherited = base.model_fields if base else {}
    return {
        name
        for name, field in settings.model_fields.items()
        if name not in inherited or inherited[name].default != field.default
    }


@pytest.mark.parametrize("member", plugins(), ids=lambda member: member.module)
def test_the_tables_of_settings_have_every_key_and_no_other(member):
    fields = [_own(factory.settings, base) for factory, base in _factories(member)]
    assert set(_rows(member)) == set().union(*fields)


@pytest.mark.parametrize("member", plugins(), ids=lambda member: member.module)
def test_the_defaults_are_the_true_ones(member):
    rows = _rows(member)
    for factory, base in _factories(member):
        hints = get_type_hints(factory.settings, include_extras=True)
        for name in _own(factory.settings, base):
            true = models.default(hints[name], factory.settings.model_fields[name])
            said = rows[name].translate(MARKS)
            words = true.translate(MARKS)
            # Where there is no default, words say what happens.
            assert said.startswith(words) if words else not re.match(r"\d|true|false", said), name

"""The table of hostile input names tests that exist."""

from __future__ import annotations

import re

import pytest
from workspace import ROOT

PAGE = ROOT / "docs" / "explanation" / "hostile-input.md"
SHORT = {
    "wire/": "core/wire/tests/",
    "smtp/": "plugins/listener/smtp/tests/",
    "pop3/": "plugins/listener/pop3/tests/",
    "imap/": "plugins/listener/imap/tests/",
    "sieve/": "plugins/delivery/sieve/tests/",
    "e2e/": "tests/e2e/",
}
NAMED = re.compile(r"`([\w/-]+\.(?:py|txt))(?:::(\w+))?`")


def where(name):
    for short, path in SHORT.items():
        if name.startswith(short):
            return ROOT / path / name.removeprefix(short)
    return ROOT / name


@pytest.mark.parametrize("line", [one for one in PAGE.read_text().splitlines() if "`" in one])
def test_what_a_line_names_is_there(line):
    for name, function in NAMED.findall(line):
        path = where(name)
        assert path.exists(), name
        if function:
            assert re.search(rf"^(async )?def {function}\(", path.read_text(), re.MULTILINE), (
                function
            )


def test_each_row_has_a_test():
    rows = [one for one in PAGE.read_text().splitlines() if one.startswith("| ")]
    bare = [one for one in rows if not NAMED.search(one) and "what is tried" not in one]
    assert [one for one in bare if "---" not in one] == []

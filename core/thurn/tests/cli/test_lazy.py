"""Only the command that is called is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from thurn.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "kit"), [(["plugins", "list"], False), (["plugins", "new", "--help"], True)]
)
def test_a_group_below_imports_no_other_command(words, kit):
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True
    )
    assert ("thurn_testing" in ran.stderr.split()) is kit
    assert "thurn.app.application" not in ran.stderr.split()

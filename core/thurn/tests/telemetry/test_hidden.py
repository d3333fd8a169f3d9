"""An optional package is not loaded by another, and can be loaded afterwards."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from thurn.telemetry.hidden import hidden

NAME = "optional_package_of_a_test"


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / f"{NAME}.py").write_text("VALUE = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop(NAME, None)


def test_it_is_hidden_within_the_block_only(package):
    with hidden(NAME), pytest.raises(ImportError):
        importlib.import_module(NAME)
    assert importlib.import_module(NAME).VALUE == 7


def test_an_error_in_the_block_hides_it_no_longer(package):
    with pytest.raises(ZeroDivisionError), hidden(NAME):
        1 / 0  # noqa: B018 - raises
    assert importlib.import_module(NAME).VALUE == 7


def test_what_is_loaded_is_not_hidden(package):
    module = importlib.import_module(NAME)
    with hidden(NAME):
        assert importlib.import_module(NAME) is module
    assert sys.modules[NAME] is module


@pytest.mark.slow
def test_the_log_does_not_load_rich():
    code = "import thurn.telemetry.log, sys; sys.exit('rich' in sys.modules)"
    pytest.importorskip("rich")
    subprocess.run([sys.executable, "-c", code], check=True)

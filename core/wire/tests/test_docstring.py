"""The examples in docstrings are true."""

from __future__ import annotations

import doctest

import pytest
from thurn_wire import enddata, linebuffer


@pytest.mark.parametrize("module", [enddata, linebuffer])
def test_examples(module):
    assert doctest.testmod(module).attempted
    assert not doctest.testmod(module).failed

"""The examples in docstrings are true."""

from __future__ import annotations

import doctest

import pytest
from thurn_wire import enddata, linebuffer
from thurn_wire.imap import client, fragment, server


@pytest.mark.parametrize("module", [enddata, linebuffer, fragment, server, client])
def test_examples(module):
    assert doctest.testmod(module).attempted
    assert not doctest.testmod(module).failed

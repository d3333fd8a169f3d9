"""The table of limits: named, reasoned, never under what the RFC demands."""

from __future__ import annotations

import dataclasses

import pytest
from thurn_wire.smtp import limits
from thurn_wire.smtp.config import SmtpConfig
from thurn_wire.smtp.error import LocalProtocolError


@pytest.mark.parametrize("limit", limits.TABLE, ids=lambda limit: limit.name)
def test_row(limit):
    assert getattr(limits, limit.name) == limit.value
    assert limit.value >= (limit.minimum or 1)
    assert limit.reason
    assert limit.place


def test_every_constant_is_in_the_table():
    names = {name for name in vars(limits) if name.isupper() and name != "TABLE"}
    assert names == {limit.name for limit in limits.TABLE}


@pytest.mark.parametrize(
    "wrong",
    [{"recipients": 99}, {"size_octets": 0}, {"errors": 0}, {"junk": 0}, {"spill_octets": 0}],
    ids=str,
)
def test_a_site_cannot_go_below(wrong):
    with pytest.raises(LocalProtocolError):
        dataclasses.replace(SmtpConfig("mx"), **wrong)

"""The settings of a server engine: what a site cannot set."""

from __future__ import annotations

import dataclasses

import pytest
from thurn_wire.error import LocalProtocolError
from thurn_wire.smtp.config import SmtpConfig


@pytest.mark.parametrize(
    "wrong",
    [{"recipients": 99}, {"size_octets": 0}, {"errors": 0}, {"junk": 0}, {"spill_octets": 0}],
    ids=str,
)
def test_a_site_cannot_go_below(wrong):
    with pytest.raises(LocalProtocolError):
        dataclasses.replace(SmtpConfig("mx"), **wrong)

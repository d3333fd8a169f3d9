"""The time of a content: enough for every honest peer, and an end for the others."""

from __future__ import annotations

import pytest
from thurn_kit.pace import BLOCK_SECONDS, LOGIN_FACTOR, Pace, PacedSettings

SETTINGS = PacedSettings(bind=("127.0.0.1:0",))  # 600 s, 2048 octets a second
IDLE_SECONDS = 300.0


@pytest.mark.parametrize(("is_logged_in", "factor"), [(False, 1), (True, LOGIN_FACTOR)])
def test_a_dripping_peer_has_an_end(is_logged_in, factor):
    pace = Pace(SETTINGS, 0.0, is_logged_in=is_logged_in)
    now = 0.0
    while wait_seconds := pace.wait_seconds(now, IDLE_SECONDS):
        assert BLOCK_SECONDS <= wait_seconds <= IDLE_SECONDS  # RFC 5321 §4.5.3.2.5
        now += wait_seconds
        pace.receive(1)
    assert 600 * factor <= now <= 600 * factor + BLOCK_SECONDS + 1


@pytest.mark.parametrize(("is_logged_in", "rate"), [(False, 2048), (True, 2048 / LOGIN_FACTOR)])
def test_a_peer_at_the_rate_never_ends(is_logged_in, rate):
    pace = Pace(SETTINGS, 0.0, is_logged_in=is_logged_in)
    for now in range(0, 100_000, 100):
        assert pace.wait_seconds(float(now), IDLE_SECONDS) == IDLE_SECONDS
        pace.receive(int(100 * rate))

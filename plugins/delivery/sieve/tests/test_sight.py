"""The envelope, the sub-address, the environment and the time that a script sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest
from thurn_delivery_sieve.settings import SieveSettings
from thurn_delivery_sieve.zone import machine_zone
from thurn_testing.fakes.session import make_identity, make_session


async def true(desk, test, requires=(), **facts):
    """Whether a test is true for a delivery."""
    words = ", ".join(f'"{word}"' for word in ("fileinto", *requires))
    script = f'require [{words}]; if {test} {{ fileinto "true"; }}'
    delivery = await desk.deliver(script, **facts)
    assert not any("failed" in note for note in delivery.notes), delivery.notes
    return delivery.filings[0].mailbox == "true"


async def test_envelope(desk):
    assert await true(desk, 'envelope "from" "x@example.net"', ["envelope"])
    assert await true(desk, 'envelope "to" "alice@example.org"', ["envelope"])
    assert await true(desk, 'envelope "from" ""', ["envelope"], sender=None)


async def test_sub_address(desk):
    facts = {"recipient": "alice+work@example.org", "detail": "work"}
    requires = ["envelope", "subaddress"]
    assert await true(desk, 'envelope :detail "to" "work"', requires, **facts)
    assert await true(desk, 'envelope :user "to" "alice"', requires, **facts)
    assert not await true(desk, 'envelope :detail "to" "work"', requires)


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("domain", "example.org"),
        ("host", "mx.example.org"),
        ("location", "MS"),
        ("phase", "during"),
        ("name", "thurn"),
        ("remote-ip", "203.0.113.9"),
    ],
)
async def test_environment(desk, item, value):
    assert await true(desk, f'environment "{item}" "{value}"', ["environment"])


async def test_no_remote_host_without_a_checked_name(desk):
    assert not await true(desk, 'environment :contains "remote-host" ""', ["environment"])


async def test_a_unix_socket_has_no_address(desk):
    session = make_session(peer=None, identity=make_identity("bob"))
    assert not await true(
        desk, 'environment :contains "remote-ip" ""', ["environment"], session=session
    )


async def test_time_in_the_site_s_zone(desk_opener, tmp_path):
    async with desk_opener(tmp_path, zone="Asia/Kolkata") as desk:
        assert await true(desk, 'currentdate "zone" "+0530"', ["date"])
        assert await true(
            desk, 'currentdate :zone "+0000" "iso8601" "2025-06-15T15:06:40+00:00"', ["date"]
        )
        assert await true(desk, 'currentdate "hour" "20"', ["date"])


async def test_the_message_is_scanned_once(desk):
    delivery = await desk.delivery()
    scan = delivery.content.scan
    await desk.activate('if header "subject" "hello" { keep; }')
    await desk.filter.deliver(delivery)
    assert delivery.filings[0].content.scan is scan


async def test_the_trace_fields_are_seen(desk):
    assert await true(desk, 'header :contains "delivered-to" "alice"')


async def test_summer_time_of_the_site_in_winter(desk_opener, tmp_path):
    """It is June; a date in January has the offset of January."""
    async with desk_opener(tmp_path, zone="Europe/Berlin") as desk:
        january = b"Date: Fri, 2 Jan 2026 12:00:00 +0000\r\n\r\n"
        assert await true(desk, 'date "date" "hour" "13"', ["date"], message=january)
        assert await true(desk, 'currentdate "zone" "+0200"', ["date"])


async def test_the_account_s_zone_goes_first(desk, monkeypatch):
    delivery = await desk.delivery()
    delivery.record = replace(delivery.record, attributes={"zone": "Asia/Tokyo"})
    await desk.activate(
        'require ["date", "fileinto"]; if currentdate "zone" "+0900" { fileinto "t"; }'
    )
    await desk.filter.deliver(delivery)
    assert delivery.filings[0].mailbox == "t"


def test_the_machine_s_zone(monkeypatch, tmp_path):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert str(machine_zone()) == "Europe/Berlin"
    monkeypatch.setenv("TZ", "nonsense")
    monkeypatch.setattr("thurn_delivery_sieve.zone.LOCALTIME", tmp_path / "none")
    assert machine_zone() is UTC


def test_a_zone_that_is_none_is_a_mistake_of_the_file():
    with pytest.raises(ValueError, match="time zone"):
        SieveSettings(zone="../../etc/passwd")

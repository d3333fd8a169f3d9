"""Settings that would not work are refused; one that may not is told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from thurn_resolver_dns.settings import DnsSettings


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"nameservers": ["ns.example"]}, "an address such as"),
        ({"nameservers": ["127.0.0.1"] * 9}, "at most 8"),
        ({"families": []}, "at least 1"),
        ({"families": ["ipv4", "ipv4"]}, "twice"),
        ({"timeout": "0s"}, "greater than 0"),
        ({"failure_ttl": "6m"}, "less than or equal to 300"),
        ({"validator": True, "nameservers": ["192.0.2.53"]}, "on loopback"),
    ],
)
def test_what_is_refused(values, word):
    with pytest.raises(ValidationError, match=word):
        DnsSettings(**values)


def test_a_validator_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.53\n")
    config = DnsSettings(validator=True, resolv_conf=path)
    assert config.warnings(tmp_path) == [
        f"validator = true, and {path} has no nameserver on loopback"
    ]
    path.write_text("nameserver 192.0.2.53\nnameserver ::1\n")
    assert config.warnings(tmp_path) == ()
    assert DnsSettings(resolv_conf=path).warnings(tmp_path) == ()
    assert DnsSettings(validator=True, nameservers=["::1"]).warnings(tmp_path) == ()

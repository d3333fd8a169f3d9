"""Keys of duplicate tests. RFC 7352 §3."""

from __future__ import annotations

from thurn_message.scanner import scan
from thurn_sieve.ext.duplicate.key import field_identifier, tracking_key


def test_ids_are_one_wherever_they_come_from():
    message = scan(b"Message-ID:\r\n <a@b>  \r\nMESSAGE-ID: <c@d>\r\n\r\n")
    assert field_identifier(message, "Message-Id") == "<a@b>"
    assert field_identifier(message, "x") is None
    assert field_identifier(message, "no name: at all") is None
    assert tracking_key("<a@b>", None) == tracking_key("<a@b>", None)


def test_ids_and_handles_are_told_apart():
    keys = [
        tracking_key("a", None), tracking_key("A", None), tracking_key("a", ""),
        tracking_key("a", "h"), tracking_key("h a", ""), tracking_key("handle 1 h a", None),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert all(len(key) <= 64 for key in keys)

"""What the sessions of a listener share: settings, greeting, last words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from thurn.plugin import Listener
from thurn_listener_pop3.listener import server_config
from thurn_listener_pop3.settings import Pop3Settings


def settings(**given):
    return Pop3Settings(bind=("127.0.0.1:0",), **given)


def test_the_defaults():
    one = settings()
    assert (one.mailbox, one.concurrent, one.mark_seen, one.idle) == (
        "INBOX",
        "snapshot",
        False,
        600.0,
    )
    config = server_config(one, "mx.example")
    assert config.greeting == "mx.example POP3 ready"
    assert config.expire_days is config.login_delay_seconds is None


@pytest.mark.parametrize(
    "given", [{"idle": "599s"}, {"login_delay": "0s"}, {"concurrent": "both"}, {"mailbox": ""}]
)
def test_what_is_refused(given):
    with pytest.raises(ValidationError):
        settings(**given)


@pytest.mark.parametrize(("expire", "days"), [("0s", 0), ("47h", 1), ("30d", 30)])
def test_expire_is_told_in_whole_days(expire, days):
    assert server_config(settings(expire=expire), "x").expire_days == days


async def test_the_product_is_a_listener(world):
    assert isinstance(world.listener, Listener)
    assert world.listener.protocol == "pop3"
    for reason in ("error", "closing", "busy"):
        last = world.listener.farewell(reason)
        assert last.startswith(b"-ERR [SYS/TEMP] ")
        assert last.endswith(b"\r\n")
    assert world.listener.farewell("idle") == b""

"""The one-line checks ask a product as the host does."""

from __future__ import annotations

from thurn.contracts.login import Forbid
from thurn.contracts.queue import Hop
from thurn.plugin import login_policy, router
from thurn_testing.checks import check_login, check_route
from thurn_testing.fakes.session import make_session


@login_policy("clear")
def clear(session, attempt):
    return Forbid("clear.tls") if session.tls is None and attempt.name != "bob" else None


@router("one")
def one(recipient):
    domain = recipient.address.domain
    return Hop("smtp", f"mx.{domain}:25") if domain == "elsewhere.example" else None


async def test_a_login_policy():
    assert await check_login(clear) == Forbid("clear.tls")
    assert await check_login(clear, make_session(peer=None), name="bob") is None


async def test_a_router():
    assert await check_route(one) == Hop("smtp", "mx.elsewhere.example:25")
    assert await check_route(one, "x@other.example") is None

"""The store that an account's record names has its mail, whatever the site's default is."""

from __future__ import annotations

import smtplib

import pytest
from mailsite import tables
from thurn.types.identity import AccountId
from thurn_testing.server import open_server


@pytest.fixture
def two_stores(tmp_path):
    """The site's file: bob's record names a store that nothing else names."""
    site = tables(tmp_path)
    site["store"]["other"] = {"type": "spool"}
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(
        accounts.read_text().replace("[accounts.bob]", '[accounts.bob]\nstore = "other"')
    )
    return site


def replies(port, *names):
    """The reply to a message to each of these accounts, by LMTP."""
    told = {}
    with smtplib.LMTP("127.0.0.1", port) as client:
        client.ehlo("example.net")
        for name in names:
            client.mail("x@example.net")
            assert client.rcpt(f"{name}@example.org")[0] == 250
            told[name] = client.data(b"Subject: hello\r\n\r\nbody\r\n")
    return told


async def test_mail_is_in_the_store_that_the_record_names(two_stores, tmp_path):
    async with open_server(two_stores, tmp_path) as server:
        told = await server.in_thread(replies, server.port("lmtp"), "alice", "bob")
        assert [code for code, _ in told.values()] == [250, 250]
        for name, store in (("alice", "main"), ("bob", "other")):
            product = server.site.products["store", store]
            handle = await product.open(AccountId(name), None)
            mailbox = await handle.mailbox("INBOX")
            assert len((await mailbox.view()).uids) == 1


async def test_a_store_that_is_not_there_is_named(two_stores, tmp_path):
    del two_stores["store"]["other"]
    async with open_server(two_stores, tmp_path) as server:
        told = await server.in_thread(replies, server.port("lmtp"), "alice", "bob")
        assert [code for code, _ in told.values()] == [250, 451]
        record = server.journal()
    assert 'its record names store "other", which is not configured; the stores are main' in str(
        record
    )

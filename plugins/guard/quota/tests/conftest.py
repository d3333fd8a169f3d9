"""A site with SMTP, LMTP and IMAP, whose listeners ask the quota."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

PASSWORD = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
ACCOUNTS = f"""
domains = ["example.org"]

[accounts.alice]
password = "{PASSWORD}"
quota = "100KiB"
quota_messages = 10

[accounts.bob]
password = "{PASSWORD}"
"""


@pytest.fixture
def tables(tmp_path):
    """`tables(setting=value)` are the site's, with these settings of the quota."""
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    (tmp_path / "accounts.toml").chmod(0o600)

    def made(store="spool", **settings):
        common = {"bind": ["127.0.0.1:0"], "guards": ["quota"]}
        return {
            "site": {
                "hostname": "mx.example.org", "accounts": ["main"], "store": "main",
                "state": "main",
            },
            "account": {"main": {"type": "file", "file": "accounts.toml"}},
            "store": {"main": {"type": store}},
            "state": {"main": {"type": "memory"}},
            "sasl": {"plain": {"type": "plain"}},
            "guard": {"quota": {"type": "quota", "warn_at": [], **settings}},
            "listener": {
                "mx": {**common, "type": "smtp", "profile": "mx"},
                "lmtp": {**common, "type": "smtp", "profile": "lmtp"},
                "imap": {
                    **common, "type": "imap", "sasl": ["plain"], "plaintext_without_tls": True,
                },
            },
        }  # fmt: skip

    return made

"""The site of these tests, as tables: two accounts, every shipped plugin, loopback."""

from __future__ import annotations

from argon2 import PasswordHasher

PASSWORD = "correct horse"


def tables(base, **listeners):
    """A site below `base`; keyword arguments are laid over its listeners' sections."""
    digest = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    lines = ['domains = ["example.org"]']
    for name in ("alice", "bob"):
        lines += [f"[accounts.{name}]", f'password = "{digest}"']
    lines += ["[aliases]", '"team@example.org" = ["alice", "bob"]']
    accounts = base / "accounts.toml"
    accounts.write_text("\n".join(lines))
    accounts.chmod(0o600)
    sections = {
        "mx": {"type": "smtp", "profile": "mx", "tls": "main"},
        "lmtp": {"type": "smtp", "profile": "lmtp"},
        "submission": {
            "type": "smtp", "profile": "submission", "tls": "main", "sasl": ["plain", "login"],
            "relay": ["authenticated"],
        },
        "pop3": {"type": "pop3", "tls": "main", "sasl": ["plain"]},
        "pop3s": {"type": "pop3", "tls": "main", "tls_mode": "implicit", "sasl": ["plain"]},
    }  # fmt: skip
    for name, changes in listeners.items():
        sections[name] = {**sections.get(name, {}), **changes}
    for section in sections.values():
        section.setdefault("bind", ["127.0.0.1:0"])
    return {
        "site": {
            "hostname": "mail.example.org", "state": "main", "accounts": ["main"],
            "store": "main", "postmaster": "alice@example.org", "segment": "1MiB",
        },
        "state": {"main": {"type": "sqlite"}},
        "account": {"main": {"type": "file", "file": "accounts.toml", "postmaster": "alice"}},
        "store": {"main": {"type": "spool"}},
        "tls": {"main": {"type": "selfsigned"}},
        "sasl": {"plain": {"type": "plain"}, "login": {"type": "login"}},
        "relay": {"authenticated": {"type": "authenticated"}},
        "listener": sections,
    }  # fmt: skip

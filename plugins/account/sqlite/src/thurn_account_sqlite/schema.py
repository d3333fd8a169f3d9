"""The tables and their migrations.

Rules of this file:
1. New migrations go to the end, and they only add tables and columns: during a reload, workers of
   the old generation use a file that the new one has migrated. `user_version` counts migrations.
2. `account.number` joins the tables; `account.id` is the AccountId, which stays when the name
   changes. A deleted number or id is never used again (AUTOINCREMENT; ids are random).
3. Keys are normal forms (`name_key`, `Address.key`); the column beside a key has the text as typed.
4. Sets of words (services, groups) are JSON arrays; NULL services are all services.
5. Times are POSIX seconds.
"""

from __future__ import annotations

from typing import Final

_FIRST: Final = """
CREATE TABLE account (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    services TEXT,
    groups TEXT NOT NULL,
    quota_octets INTEGER,
    quota_messages INTEGER,
    store TEXT,
    attributes TEXT NOT NULL,
    created REAL NOT NULL
) STRICT;
CREATE TABLE domain (
    name TEXT NOT NULL PRIMARY KEY,
    separator TEXT,
    postmaster INTEGER REFERENCES account ON DELETE SET NULL,
    created REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX domain_postmaster ON domain (postmaster);
CREATE TABLE address (
    key TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL,
    domain TEXT NOT NULL REFERENCES domain,
    account INTEGER REFERENCES account ON DELETE CASCADE,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX address_account ON address (account, position);
CREATE INDEX address_domain ON address (domain);
CREATE TABLE target (
    alias TEXT NOT NULL REFERENCES address ON DELETE CASCADE,
    position INTEGER NOT NULL,
    account INTEGER REFERENCES account ON DELETE CASCADE,
    address TEXT,
    CHECK ((account IS NULL) <> (address IS NULL)),
    PRIMARY KEY (alias, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX target_account ON target (account);
CREATE TABLE send_grant (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    key TEXT NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE act_grant (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    target INTEGER REFERENCES account ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX act_grant_pair ON act_grant (account, ifnull(target, 0));
CREATE INDEX act_grant_target ON act_grant (target);
CREATE TABLE credential (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    label TEXT NOT NULL,
    scheme TEXT NOT NULL,
    value TEXT NOT NULL,
    prepared INTEGER NOT NULL,
    services TEXT,
    created REAL NOT NULL,
    last_used REAL,
    expires REAL,
    UNIQUE (account, label)
) STRICT;
CREATE TABLE stored_key (
    credential INTEGER NOT NULL REFERENCES credential ON DELETE CASCADE,
    scheme TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (credential, scheme)
) STRICT, WITHOUT ROWID;
CREATE TABLE history (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    account TEXT,
    facts TEXT NOT NULL
) STRICT;
CREATE INDEX history_account ON history (account, number);
CREATE INDEX history_subject ON history (subject COLLATE NOCASE, number);
"""

MIGRATIONS: tuple[str, ...] = (_FIRST,)
"""The scripts that make each version from the one before, in order."""

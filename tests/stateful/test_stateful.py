"""Random commands on four connections over two workers, against a model of mailboxes and views.

`THURN_STATEFUL_COMMANDS` is how many (4,000), `THURN_STATEFUL_SEED` chooses others. A failure
prints the seed and the fewest steps that were found to show it.
"""

from __future__ import annotations

import os

import pytest
from gateway import gateway
from player import run

COMMANDS = int(os.environ.get("THURN_STATEFUL_COMMANDS", "4000"))
SEED = int(os.environ.get("THURN_STATEFUL_SEED", "1"))
WORKERS = 2
ACCOUNTS = [f"s{number}" for number in range(300)]
TIMEOUT = 300 + COMMANDS // 10

pytestmark = [pytest.mark.slow, pytest.mark.timeout(TIMEOUT)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """(port, names of accounts that nobody has used)."""
    with gateway(tmp_path_factory.mktemp("site"), ACCOUNTS, workers=WORKERS) as port:
        yield port, iter(ACCOUNTS)


def report(capsys, what, found):
    count, used, seconds = found
    with capsys.disabled():
        print(f"\n{what}: {count} commands, seed {SEED}, {used} workers, {count / seconds:.0f}/s")  # noqa: T201
    return used


def test_one_after_the_other(site, capsys):
    port, accounts = site
    played = run(port, accounts, SEED, COMMANDS * 3 // 4, workers=WORKERS)
    assert report(capsys, "one after the other", played) == WORKERS


def test_all_at_once(site, capsys):
    port, accounts = site
    played = run(port, accounts, SEED, COMMANDS // 4, workers=WORKERS, together=True)
    assert report(capsys, "all at once", played) == WORKERS


def test_the_store_in_memory(tmp_path, capsys):
    with gateway(tmp_path, ACCOUNTS, store="memory") as port:
        report(capsys, "in memory", run(port, iter(ACCOUNTS), SEED, COMMANDS // 4, workers=1))

"""What a commit log holds that is not settled, counted: owners, kinds of operations, bodies, and
how many operations the index of each account lacks. Read with the programs of format 2's time.

    python make_census.py DATA          one JSON document on standard output
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections import Counter
from pathlib import Path

import msgspec
from thurn.log.frame import scan
from thurn.log.segment import unretired
from thurn.types.identity import AccountId
from thurn_store_spool.operation import decode_entry
from thurn_store_spool.place import account_directory


def frames(data):
    for found in unretired(data / "log"):
        result = scan(found.path.read_bytes(), found.generation)
        assert not result.damages, result.damages
        yield from ((found.path.suffix, frame) for frame in result.frames)


def highest(data, store, account):
    index = account_directory(data / "store" / store, AccountId(account)) / "index.db"
    if not index.exists():
        return 0
    connection = sqlite3.connect(index)
    sql = "SELECT max(ifnull(max(id), 0), (SELECT ifnull(max(modseq), 0) FROM change)) FROM body"
    [[number]] = connection.execute(sql)
    connection.close()
    return number


def census(data):
    records, operations, missing = Counter(), Counter(), Counter()
    kinds, bodies = Counter(), 0
    for kind, frame in frames(data):
        kinds[kind] += 1
        for owner, payload in frame.records():
            records[owner] += 1
            role, _, name = owner.partition(".")
            if role != "store":
                operations[f"queue {msgspec.msgpack.decode(payload)[0]}"] += 1
                continue
            entry = decode_entry(payload)
            known = highest(data, name, entry.account)
            for one in entry.operations:
                operations[type(one).__name__] += 1
                bodies += getattr(one, "place", None) is not None
                missing[entry.account] += one.modseq > known
    return {
        "frames": kinds,
        "records": records,
        "operations": operations,
        "bodies_in_the_log_only": bodies,
        "operations_that_indexes_lack": +missing,
    }


if __name__ == "__main__":
    print(json.dumps(census(Path(sys.argv[1]))))  # noqa: T201 - that is its answer

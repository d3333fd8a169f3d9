"""Tables from the JSON lines of bench.py: medians, and thurn's ratio to each peer of the same run.

python contrib/bench/table.py RESULTS.jsonl
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any


def _median(rows: list[dict[str, Any]], key: str) -> float:
    return float(statistics.median(row[key] for row in rows))


def delivery(rows: list[dict[str, Any]]) -> str:
    """One line a server and scenario; the ratios are thurn's rate over the peer's (x) and the
    peer's CPU over thurn's."""
    groups: dict[tuple[str, int], dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        scenario = groups.setdefault((row["profile"], row["sessions"]), {})
        scenario.setdefault(row["server"], []).append(row)
    lines = [
        (
            "| work | sessions | server | delivered/s (min..max, runs) | p50 / p99 ms | CPU µs"
            " | rate, times each peer | CPU, part of each peer's |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- |"
        )
    ]
    for (profile, sessions), servers in sorted(groups.items()):
        peers = {n: r for n, r in sorted(servers.items()) if not n.startswith("thurn")}
        for name, runs in sorted(servers.items()):
            rates = [run["delivered_per_s"] for run in runs]
            rate, cpu = statistics.median(rates), _median(runs, "server_cpu_us")
            faster = cheaper = ""
            if name.startswith("thurn"):
                faster = ", ".join(
                    f"{rate / _median(r, 'delivered_per_s'):.1f} {n}" for n, r in peers.items()
                )
                cheaper = ", ".join(
                    f"{cpu / _median(r, 'server_cpu_us'):.2f} {n}" for n, r in peers.items()
                )
            spread = f"{rate:.0f} ({min(rates):.0f}..{max(rates):.0f}, {len(rates)})"
            wait = f"{_median(runs, 'p50_ms'):.1f} / {_median(runs, 'p99_ms'):.1f}"
            cells = (profile, sessions, name, spread, wait, f"{cpu:.0f}", faster, cheaper)
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def memory(rows: list[dict[str, Any]]) -> str:
    """One line a server and port."""
    lines = [
        "| server | port | PSS KiB at 0 and at each step | KiB a connection | second half |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        steps = ", ".join(f"{n}: {kib}" for n, kib in row["pss_kib"].items())
        lines.append(
            f"| {row['server']} | {row['port']} | {steps} | {row['kib_per_connection']}"
            f" | {row['kib_per_connection_second_half']} |"
        )
    return "\n".join(lines)


TARGETS_MS = {
    "SELECT": 8,
    "SELECT, cold": 40,
    "FETCH FLAGS": 30,
    "FETCH ENVELOPE BODYSTRUCTURE": 250,
    "FETCH ENVELOPE BODYSTRUCTURE, cold": 400,
    "SEARCH FROM": 20,
    "SEARCH SUBJECT": 20,
    "SEARCH BODY": 100,
    "SORT DATE": 40,
    "SORT SUBJECT": 40,
    "THREAD REFERENCES": 120,
    "STORE +FLAGS.SILENT": 150,
}
"""What a mailbox of 100,000 messages is to take."""
TARGET_MESSAGES = 100_000


def _spread(runs: list[dict[str, Any]], key: str, digits: int = 0) -> str:
    values = [run[key] for run in runs]
    middle = statistics.median(values)
    if len(values) == 1:
        return f"{middle:.{digits}f}"
    return (
        f"{middle:.{digits}f} ({min(values):.{digits}f}..{max(values):.{digits}f}, {len(values)})"
    )


def _grouped(
    rows: list[dict[str, Any]], *keys: str
) -> dict[tuple[Any, ...], dict[str, list[dict[str, Any]]]]:
    """Rows by scenario, in the order of their first, then by server."""
    groups: dict[tuple[Any, ...], dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        scenario = groups.setdefault(tuple(row[key] for key in keys), {})
        scenario.setdefault(row["server"], []).append(row)
    return groups


def _ratios(
    name: str, servers: dict[str, list[dict[str, Any]]], key: str, digits: int, *, rate: bool
) -> str:
    """thurn's figure over each peer's (a rate) or beneath it (a cost)."""
    if not name.startswith("thurn"):
        return ""
    own, ratios = _median(servers[name], key), []
    for peer, runs in sorted(servers.items()):
        theirs = _median(runs, key)
        if not peer.startswith("thurn"):
            above, below = (own, theirs) if rate else (theirs, own)
            ratios.append(f"{above / below:.{digits}f} {peer}" if below else f"? {peer}")
    return ", ".join(ratios)


def commands(rows: list[dict[str, Any]]) -> str:
    """One line an operation, size and server; ``faster`` is the peer's time over thurn's."""
    lines = [
        (
            "| operation | messages | server | ms (min..max, runs) | server CPU ms"
            " | faster, times each peer | less CPU, times each peer | target ms |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- |"
        )
    ]
    for (operation, messages), servers in _grouped(rows, "operation", "messages").items():
        for name, runs in sorted(servers.items()):
            target = TARGETS_MS.get(operation, "") if messages == TARGET_MESSAGES else ""
            cells = (
                operation,
                messages,
                name,
                _spread(runs, "ms", 1),
                f"{_median(runs, 'server_cpu_ms'):.1f}",
                _ratios(name, servers, "ms", 2, rate=False),
                _ratios(name, servers, "server_cpu_ms", 2, rate=False),
                target,
            )
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def rates(rows: list[dict[str, Any]]) -> str:
    """Logins, APPEND, single commands and the mix: one line a scenario and server."""
    lines = [
        (
            "| work | how | server | a second (min..max, runs) | CPU µs"
            " | rate, times each peer | less CPU, times each peer | errors |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- |"
        )
    ]
    for (kind, how), servers in sorted(
        _grouped([{**row, "how": row[HOW[row["kind"]]]} for row in rows], "kind", "how").items()
    ):
        for name, runs in sorted(servers.items()):
            cells = (
                kind,
                how,
                name,
                _spread(runs, "per_s"),
                f"{_median(runs, 'server_cpu_us'):.0f}",
                _ratios(name, servers, "per_s", 1, rate=True),
                _ratios(name, servers, "server_cpu_us", 1, rate=False),
                sum(run.get("errors", 0) for run in runs) or "",
            )
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


HOW = {"login": "port", "append": "way", "small": "way", "mix": "mix"}
"""What tells the scenarios of a kind apart."""


def brief(row: dict[str, Any]) -> str:
    """One row as a line for people who wait."""
    what = next(row[k] for k in ("profile", "operation", "way", "mix", "port") if k in row)
    keys = ("delivered_per_s", "kib_per_connection", "ms", "per_s")
    figure = next(f"{row[key]} {key}" for key in keys if key in row)
    errors = f"; {row['errors']} errors: {row['kinds_of_errors']}" if row.get("errors") else ""
    size = row.get("sessions", row.get("messages", ""))
    return f"{row['server']} {row['kind']} {what} {size}: {figure}{errors}"


def render(rows: list[dict[str, Any]]) -> str:
    """All tables there are rows for."""
    parts = []
    for kinds, make in (
        ({"deliver"}, delivery),
        ({"idle"}, memory),
        ({"imap"}, commands),
        (set(HOW), rates),
    ):
        if chosen := [row for row in rows if row["kind"] in kinds]:
            parts.append(make(chosen))
    return "\n\n".join(parts)


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text()
    print(render([json.loads(line) for line in text.splitlines()]))

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


def render(rows: list[dict[str, Any]]) -> str:
    """All tables there are rows for."""
    parts = []
    for kind, make in (("deliver", delivery), ("idle", memory)):
        if chosen := [row for row in rows if row["kind"] == kind]:
            parts.append(make(chosen))
    return "\n\n".join(parts)


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text()
    print(render([json.loads(line) for line in text.splitlines()]))

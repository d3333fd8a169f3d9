"""Writes what follows from something else: `./do members`.

The import contracts (.importlinter), and the state diagrams under docs/explanation/states.
`test_generated.py` proves that nothing is left to write.
"""

from __future__ import annotations

import diagrams
import lists


def main() -> None:
    """Write what has changed, and say so."""
    wanted = {lists.CONTRACTS: lists.contracts(), **diagrams.pages()}
    for path, content in wanted.items():
        if not path.exists() or path.read_text() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            print(f"written: {path.relative_to(lists.ROOT)}")  # noqa: T201 - a script


if __name__ == "__main__":
    main()

"""Tables, facts and JSON as every command prints them; re-exported for commands of plugins.

On a terminal a table fits the width (80 columns if that is unknown), and cells wrap. In a pipe it
is tab-separated values with a line of names. With `--json` it is a list of objects.
"""

from __future__ import annotations

from thurn.cli.table import json_option, print_facts, print_json, print_table, printable

__all__ = ["json_option", "print_facts", "print_json", "print_table", "printable"]

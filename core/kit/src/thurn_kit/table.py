"""Tables, facts and JSON as every command prints them; the host's own, for commands of plugins.

On a terminal a table fits its width (80 columns where the width is not known), and cells wrap;
piped it is tab-separated values with a line of names; with `--json` a list of objects.
"""

from __future__ import annotations

from thurn.cli.table import json_option, print_facts, print_json, print_table, printable

__all__ = ["json_option", "print_facts", "print_json", "print_table", "printable"]

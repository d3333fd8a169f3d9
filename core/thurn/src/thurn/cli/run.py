"""`thurn run`: the supervisor in the foreground. Imports nothing of the application."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from thurn.app.supervisor import Supervisor
from thurn.cli.option import config_option


@click.command()
@config_option
def run(config: tuple[Path, ...], on_ready: Callable[[Any], None] | None = None) -> None:
    """Serve until stopped.

    SIGHUP reloads: what is under way in sessions goes on, and a configuration that does not start
    changes nothing. SIGTERM stops.
    """
    sys.exit(Supervisor(config, on_ready=on_ready).run())

"""`thurn run`: runs the supervisor in the foreground; imports nothing of the application."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from thurn.app.plan import ProcessPlan
from thurn.app.supervisor import Supervisor
from thurn.cli.option import config_option, examples
from thurn.cli.table import json_option, print_json


@click.command(epilog=examples("thurn run --config /etc/thurn/thurn.toml"))
@config_option
@json_option
def run(
    config: tuple[Path, ...],
    as_json: bool = False,
    on_ready: Callable[[ProcessPlan], None] | None = None,
) -> None:
    """Serve until stopped.

    SIGHUP reloads: what is under way in sessions goes on, and a configuration that does not start
    changes nothing. SIGTERM stops. With --json, one line on standard output says when the site
    serves for the first time. If the site cannot start, the exit code is 78 if its configuration is
    wrong (`thurn check` shows it too), and 1 for trouble that may pass.
    """
    if as_json and on_ready is None:
        on_ready = _say_ready
    sys.exit(Supervisor(config, on_ready=on_ready).run())


def _say_ready(plan: ProcessPlan) -> None:
    facts = {"ready": True, "pid": os.getpid(), "hostname": plan.hostname, "data": plan.data}
    print_json({**facts, "workers": plan.workers, "bind": plan.binds}, one_line=True)

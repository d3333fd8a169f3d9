"""The command `thurn demo`: write a site, run it, prove it, say how to use it, be ready.

Standard output has one JSON line, at ready, with --json; everything for people goes to standard
error. It runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from thurn_command_demo.proof import prove
from thurn_command_demo.site import HOST, DemoSite, write_site


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), help="A directory to keep; continued if it exists."
)
@click.option(
    "--port-base", default=2000, show_default=True, help="Ports are this plus the standard port."
)
@click.option(
    "--accounts", default=0, show_default=True, help="Accounts u1…uK besides alice, bob, carol."
)
@click.option("--domain", default="example.org", show_default=True, help="The domain that is ours.")
@click.option("--password", default="demo", show_default=True, help="Everybody's password.")
@click.option(
    "--sieve", type=click.Path(path_type=Path, exists=True), help="Everybody's Sieve script."
)
@click.option("--workers", default=0, help="Worker processes; 0: one per core.")
@click.option(
    "--config",
    "overlay",
    type=click.Path(path_type=Path, exists=True),
    help="Laid over the demo's own.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Say ready as one JSON line on standard output."
)
@click.pass_context
def demo(
    ctx: click.Context,
    /,
    data: Path | None,
    sieve: Path | None,
    overlay: Path | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - click passes the rest by name
) -> None:
    """A working gateway on the embedded store, in one command."""
    if sieve is not None:
        raise click.UsageError(
            "--sieve needs the Sieve plugin (thurn-delivery-sieve), which is not installed"
        )
    kept = data is not None
    directory = (data or Path(tempfile.mkdtemp(prefix="thurn-demo-"))).resolve()
    site = DemoSite(directory, **options)
    path, prover_password = write_site(site)

    def on_ready(plan: Any) -> None:  # noqa: ANN401 - the supervisor's plan
        try:
            seconds = prove(site, prover_password)
        except Exception as error:  # noqa: BLE001 - whatever it is, the demo is not ready
            click.echo(f"The demo could not prove itself: {error!r}", err=True)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        _explain(site, seconds)
        if as_json:
            sys.stdout.write(json.dumps(_facts(site)) + "\n")
            sys.stdout.flush()

    group = ctx.find_root().command
    run = group.get_command(ctx, "run") if isinstance(group, click.Group) else None
    if run is None:
        raise click.ClickException("thurn has no command `run`")
    try:
        ctx.invoke(run, config=(path,) if overlay is None else (path, overlay), on_ready=on_ready)
    finally:
        if not kept:
            shutil.rmtree(directory, ignore_errors=True)


def _facts(site: DemoSite) -> dict[str, Any]:
    """The ready line (design D19)."""
    people = [
        {"name": name, "address": f"{name}@{site.domain}", "password": site.password}
        for name in site.names
    ]
    return {
        "ready": True, "pid": os.getpid(), "host": HOST, "domain": site.domain,
        "certificate": str(site.certificate), "ports": site.ports, "accounts": people,
    }  # fmt: skip


def _explain(site: DemoSite, seconds: float) -> None:
    """How to send and read mail, for everyday clients."""
    click.echo(_TEXT.format(
        milliseconds=round(seconds * 1000), names=", ".join(site.names[:6]), domain=site.domain,
        password=site.password, host=HOST, certificate=site.certificate, data=site.directory,
        **site.ports,
    ), err=True)  # fmt: skip


_TEXT = """
thurn is ready; a message went through submission and came back by POP3 in {milliseconds} ms.

  accounts     {names} … @{domain}, password "{password}"
  send         SMTP {host} port {submission} (STARTTLS) or {submissions} (TLS), with login
  read         POP3 {host} port {pop3} (STLS) or {pop3s} (TLS)
  from afar    SMTP {host} port {smtp}, LMTP port {lmtp}
  certificate  {certificate}
  data         {data}

  swaks --server {host}:{submission} -tls -au alice -ap {password} \\
        -f alice@{domain} -t bob@{domain}
  curl --cacert {certificate} --user bob:{password} pop3s://{host}:{pop3s}/1

Stop with Ctrl-C.
"""

"""The command `thurn demo`: writes a site, runs it, tests it, and says how to use it.

With `--json`, standard output gets one JSON line when the site is ready. Everything for people goes
to standard error. The command runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import click

from thurn_command_demo.proof import proof_script, prove
from thurn_command_demo.site import (
    GRANT_INTERVAL,
    HOST,
    PROVER,
    DemoSite,
    find_port_base,
    write_site,
)

PROOF_SCRIPT: Final = "proof.sieve"
"""The file in the demo's directory that shows that the prover has its script."""
SHOWN: Final = 6
"""Accounts that are named on the terminal: as many as fit on a line."""


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="A directory that is kept; an existing site there is continued.",
)
@click.option(
    "--port-base",
    type=click.IntRange(0, 65535 - 995),
    help="Each port is this plus the standard port; by default 2000, or the next free thousand.",
)
@click.option(
    "--accounts",
    default=0,
    show_default=True,
    help="Number of accounts u1, u2, … in addition to alice, bob and carol.",
)
@click.option(
    "--domain", default="example.org", show_default=True, help="The domain of the accounts."
)
@click.option(
    "--password", default="demo", show_default=True, help="The password of every account."
)
@click.option(
    "--sieve",
    type=click.Path(path_type=Path, exists=True),
    help="The Sieve script of every account until it stores its own.",
)
@click.option("--workers", default=0, help="Worker processes; 0 for one per core.")
@click.option(
    "--config",
    "overlay",
    type=click.Path(path_type=Path, exists=True),
    help="A configuration file that changes the demo's own.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON line to standard output when ready."
)
@click.pass_context
def demo(
    ctx: click.Context,
    /,
    data: Path | None,
    sieve: Path | None,
    overlay: Path | None,
    as_json: bool,
    port_base: int | None,
    **options: Any,  # noqa: ANN401 - click passes the rest by name
) -> None:
    """Run a working gateway on the embedded store."""
    kept = data is not None
    directory = (data or Path(tempfile.mkdtemp(prefix="thurn-demo-"))).resolve()
    base = find_port_base() if port_base is None else port_base
    site = DemoSite(directory, base, sieve=sieve, **options)
    path, prover_password = write_site(site)
    configs = (path,) if overlay is None else (path, overlay)
    _give_the_prover_its_script(ctx, site, configs)

    def on_ready(plan: Any) -> None:  # noqa: ANN401 - the supervisor's plan
        try:
            seconds = prove(site, prover_password)
        except Exception as error:  # noqa: BLE001 - after any error the demo is not ready
            click.echo(f"The demo's own test failed: {error!r}", err=True)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        _explain(site, seconds)
        if as_json:
            sys.stdout.write(json.dumps(_facts(site)) + "\n")
            sys.stdout.flush()

    group = ctx.find_root().command
    run = group.get_command(ctx, "run") if isinstance(group, click.Group) else None
    if run is None:
        raise click.ClickException("this command is run as `thurn demo`")
    try:
        ctx.invoke(run, config=configs, on_ready=on_ready)
    finally:
        if not kept:
            shutil.rmtree(directory, ignore_errors=True)


def _give_the_prover_its_script(
    ctx: click.Context, site: DemoSite, configs: tuple[Path, ...]
) -> None:
    """Store the prover's script, once for a directory, by the command `thurn sieve put`.

    The command runs in a child process, since this one becomes the supervisor, which stays small
    and opens no part of the site.
    """
    script = site.directory / PROOF_SCRIPT
    if script.exists():
        return
    child = os.fork()
    if child == 0:
        written = script.with_suffix(".new")
        written.write_text(proof_script(), "utf-8")
        options = [word for path in configs for word in ("--config", str(path))]
        words = ["sieve", "put", *options, "--activate", PROVER, "proof", str(written)]
        code = 1
        try:
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until this process ends
            ctx.find_root().command.main(words, "thurn", standalone_mode=False)
            written.rename(script)
            code = 0
        except Exception as error:  # noqa: BLE001 - this process ends here
            click.echo(f"The demo's script could not be stored: {error}", err=True)
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise click.ClickException("the demo could not be prepared")


def _facts(site: DemoSite) -> dict[str, Any]:
    """The values of the ready line. Scripts that start the demo read it, so its form is stable."""
    accounts = [
        {"name": name, "address": f"{name}@{site.domain}", "password": site.password}
        for name in site.names
    ]
    return {
        "ready": True,
        "pid": os.getpid(),
        "host": HOST,
        "domain": site.domain,
        "certificate": str(site.certificate),
        "ports": site.ports,
        "accounts": accounts,
    }


def _explain(site: DemoSite, seconds: float) -> None:
    """Print how to send and read mail with everyday clients."""
    names = [*site.names[:SHOWN], *(["…"] if len(site.names) > SHOWN else [])]
    program = Path(sys.argv[0])  # another terminal may not have it on its path
    click.echo(
        _TEXT.format(
            milliseconds=round(seconds * 1000),
            names=", ".join(names),
            domain=site.domain,
            password=site.password,
            host=HOST,
            certificate=site.certificate,
            data=site.directory,
            config=site.directory / "thurn.toml",
            interval=GRANT_INTERVAL,
            thurn=program.resolve() if program.name == "thurn" else "thurn",
            **site.ports,
        ),
        err=True,
    )


_TEXT = """
thurn is ready; a message went through submission, was filed by Sieve and read back by IMAP in
{milliseconds} ms.

  accounts     {names} @{domain}, password "{password}"
  send         SMTP {host} port {submission} (STARTTLS) or {submissions} (TLS), with login
  read         IMAP {host} port {imap} (STARTTLS) or {imaps} (TLS)
               POP3 {host} port {pop3} (STLS) or {pop3s} (TLS)
  receive      SMTP {host} port {smtp}, LMTP port {lmtp}; after reading mail, its account may send
               by port {smtp} from the same address for {interval} (POP-before-SMTP)
  certificate  {certificate} (for localhost and {host})
  data         {data}

  swaks --server {host}:{submission} -tls -au alice -ap {password} \\
        -f alice@{domain} -t bob@{domain}
  curl --cacert {certificate} --user bob:{password} imaps://{host}:{imaps}/INBOX?ALL
  {thurn} sieve put --config {config} --activate bob rules FILE

Mail for elsewhere is held in the queue. Stop with Ctrl-C.
"""

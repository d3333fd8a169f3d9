"""A private Dovecot of the distribution: IMAP only, loopback, its own directory.

No system service is started and nothing below /etc is read. It needs root, since its parts change
to their own accounts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path

from gateway import served
from rawimap import HOST

PASSWORD = "differential"

CONFIGURATION = """\
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = mdbox:~/mail
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
mail_fsync = never
mail_max_userip_connections = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={base}/home/%n allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


def why_not():
    """Why there can be no peer here; None: there can."""
    if shutil.which("dovecot") is None or not Path("/usr/lib/dovecot/imap").exists():
        return "dovecot (with imapd) is not installed"
    return None if os.geteuid() == 0 else "dovecot needs root"


@contextlib.contextmanager
def dovecot(base):
    """The port of a Dovecot that is ready; it keeps everything below `base`."""
    for name in ("run", "state", "home"):
        (base / name).mkdir(parents=True)
    for path in (base, *base.parents):
        if len(path.parts) > 2 and path.stat().st_mode & 0o055 != 0o055:
            path.chmod(0o755)  # the mail store has another account
    shutil.chown(base / "home", "mail", "mail")
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    text = CONFIGURATION.format(base=base, port=port, password=PASSWORD)
    (base / "dovecot.conf").write_text(text)
    with (base / "start.log").open("w") as log:  # a pipe would be kept open
        command = ["dovecot", "-F", "-c", str(base / "dovecot.conf")]
        child = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    with served(child, port, base / "start.log", base / "log"):
        yield port

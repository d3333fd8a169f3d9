"""The conformance kit, with a script of each kind."""

from __future__ import annotations

import pytest
from thurn_testing.contracts.delivery import check_delivery

SCRIPTS = {
    "none": None,
    "keep": "keep;",
    "file": 'require "fileinto"; fileinto "a/b"; fileinto "inbox";',
    "flags": 'require "imap4flags"; addflag "\\\\seen \\\\recent a(b $x";',
    "redirect": 'redirect "y@elsewhere.example";',
    "vacation": 'require "vacation"; vacation "away";',
    "reject": 'require "reject"; reject "Nein,\r\ngrün\x01";',
    "duplicate": 'require "duplicate"; if duplicate { discard; }',
    "edit": 'require "editheader"; addheader "X-A" "b"; deleteheader "subject";',
    "names": (
        'require ["fileinto", "variables"]; if header :matches "subject" "*" { fileinto "${1}"; }'
    ),
    "body": 'require ["body", "fileinto"]; if body :contains "body" { fileinto "b"; }',
    "wrong": "frobnicate;",
}


@pytest.mark.parametrize("name", SCRIPTS)
async def test_contract(desk, name):
    if SCRIPTS[name] is not None:
        await desk.activate(SCRIPTS[name])
    handle = await desk.account()
    record = await desk.site.directory.account("alice")
    await check_delivery(desk.filter, handle, record)

"""Files that change, and files that are broken."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from thurn.plugin import ConfigError, Secret
from thurn_tls_files.settings import FilesSettings


async def test_a_new_pair_is_served_after_a_second(opened, issue, served):
    async with opened(**issue("mx", "mx.example.com")) as (provider, context):
        before = served(provider)
        issue("mx", "mx.example.com")
        context.clock.advance(0.9)
        assert served(provider) == before
        context.clock.advance(0.1)
        assert served(provider) != before
        assert [line.event for line in context.diagnostics.lines] == ["tls.loaded"]


async def test_the_files_are_not_checked_for_each_connection(opened, issue, monkeypatch):
    async with opened(**issue("mx", "mx.example.com")) as (provider, context):
        looks = []
        monkeypatch.setattr(provider._pairs[0], "changed", lambda: looks.append(1))
        context.clock.advance(1)
        for _ in range(100):
            provider.server_context()
        assert len(looks) == 1


async def test_a_half_written_pair_is_not_used_until_it_is_whole(opened, issue, served):
    pair = issue("mx", "mx.example.com")
    async with opened(**pair) as (provider, context):
        before = served(provider)
        old = pair["key"].read_bytes()
        issue("mx", "mx.example.com")
        new = pair["key"].read_bytes()
        pair["key"].write_bytes(old)
        for _ in range(3):
            context.clock.advance(1)
            assert served(provider) == before
        assert context.diagnostics.events == ["tls.broken"]
        assert "is not the key of" in str(context.diagnostics.lines[0].facts["failure"])
        pair["key"].write_bytes(new)
        context.clock.advance(1)
        assert served(provider) != before


@pytest.mark.parametrize("which", ["certificate", "key"])
async def test_the_old_pair_stays_in_use_if_a_file_is_lost_or_broken(opened, issue, served, which):
    pair = issue("mx", "mx.example.com")
    async with opened(**pair) as (provider, context):
        before = served(provider)
        pair[which].write_bytes(b"junk")
        context.clock.advance(1)
        assert served(provider) == before
        pair[which].unlink()
        context.clock.advance(1)
        assert served(provider) == before
        context.clock.advance(1)
        assert served(provider) == before
        assert context.diagnostics.events == ["tls.broken", "tls.broken"]
        assert str(pair[which]) in str(context.diagnostics.lines[0].facts["failure"])
        issue("mx", "mx.example.com")
        context.clock.advance(1)
        assert served(provider) != before


async def test_a_broken_pair_does_not_affect_the_others(opened, issue, served):
    other = issue("net", "mx.example.net")
    async with opened(**issue("mx", "mx.example.com"), certificates=[other]) as (provider, context):
        default, net = served(provider), served(provider, "mx.example.net")
        other["key"].write_bytes(b"junk")
        issue("mx", "mx.example.com")
        context.clock.advance(1)
        assert served(provider) != default
        assert served(provider, "mx.example.net") == net
        issue("net", "new.example.net")
        context.clock.advance(1)
        assert served(provider, "new.example.net") not in (default, net)
        assert served(provider, "mx.example.net") == served(provider)


async def test_a_key_in_the_certificates_file(opened, issue, served):
    pair = issue("mx", "mx.example.com")
    both = pair["certificate"]
    both.write_bytes(pair["key"].read_bytes() + both.read_bytes())
    both.chmod(0o600)
    async with opened(certificate=both) as (provider, _):
        assert served(provider)


async def refusal(opened, **settings):
    with pytest.raises(ConfigError) as caught:
        async with opened(**settings):
            pass
    return caught.value.findings


async def test_all_broken_files_are_reported_at_the_start(opened, issue, tmp_path):
    mx, net, org = (issue(stem, f"{stem}.example") for stem in ("mx", "net", "org"))
    mx["key"].write_bytes(net["key"].read_bytes())
    net["certificate"].write_bytes(
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    org["key"].write_bytes(b"")
    gone = {"certificate": tmp_path / "gone.pem", "key": tmp_path / "gone.key"}
    assert await refusal(opened, **mx, certificates=[net, org, gone]) == [
        f"{tmp_path}/mx.key is not the key of {tmp_path}/mx.pem",
        f"{tmp_path}/net.pem has no certificate that can be read",
        f"{tmp_path}/org.key has no key that can be read, or its password is wrong",
        f"{tmp_path}/gone.pem cannot be read: No such file or directory",
    ]


async def test_a_missing_key(opened, issue):
    pair = issue("mx", "mx.example.com")
    pair["key"].unlink()
    (found,) = await refusal(opened, **pair)
    assert found.endswith("mx.key cannot be read: No such file or directory")


async def test_a_key_that_everybody_can_read(opened, issue):
    pair = issue("mx", "mx.example.com")
    pair["key"].chmod(0o644)
    (found,) = await refusal(opened, **pair)
    assert "everybody can read" in found


async def test_an_encrypted_key(opened, issue, served):
    pair = issue("mx", "mx.example.com")
    key = load_pem_private_key(pair["key"].read_bytes(), None)
    encryption = BestAvailableEncryption(b"open sesame")
    pair["key"].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    async with opened(**pair, key_password=Secret("open sesame")) as (provider, _):
        assert served(provider)
    (found,) = await refusal(opened, **pair)
    assert found.endswith("mx.key is encrypted: set key_password")
    (found,) = await refusal(opened, **pair, key_password=Secret("wrong"))
    assert found.endswith("or its password is wrong")


async def test_unknown_ciphers(opened, issue):
    (found,) = await refusal(opened, **issue("mx", "mx.example.com"), ciphers="NOTHING")
    assert found.startswith("ciphers: ")


def test_a_check_finds_each_pair_that_cannot_be_used(issue, tmp_path):
    settings = issue("mx", "mx.example.com")
    assert not FilesSettings(**settings).findings(tmp_path)
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate\n")
    junk.chmod(0o600)
    broken = [
        {"certificate": tmp_path / "no.pem"},
        {"certificate": junk},
        {"certificate": settings["certificate"], "key": issue("other", "a.example")["key"]},
        settings,
    ]
    missing, unreadable, mismatched = FilesSettings(**settings, certificates=broken).findings(
        tmp_path
    )
    assert missing == f"{tmp_path}/no.pem cannot be read: No such file or directory"
    assert unreadable == f"{junk} has no certificate that can be read"
    assert "is not the key of" in mismatched

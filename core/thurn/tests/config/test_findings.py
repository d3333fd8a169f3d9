"""All errors at once, each with file, line and a suggestion."""

from __future__ import annotations

from typing import Annotated

import pytest
from importlib_metadata import EntryPoint
from thurn.config.files import read
from thurn.config.instances import load
from thurn.config.positions import key_lines
from thurn.hooks.registry import Registry
from thurn.plugin import CarrierSettings, Duration, Ref, Settings, SitePath, plugin
from thurn.types.errors import ConfigError, PluginError


class StoreSettings(Settings):
    patience: Duration = 1.0


class ServiceSettings(Settings):
    stores: tuple[Annotated[str, Ref("store")], ...] = ()
    counts: bool = False
    asks: bool = False

    @property
    def needs_state(self):
        return self.counts

    @property
    def needs_resolver(self):
        return self.asks


@plugin("service", "carries")
def carries(config: CarrierSettings):
    raise NotImplementedError


@plugin("queue", "held")
def held():
    raise NotImplementedError


@plugin("store", "kept")
def kept(config: StoreSettings):
    raise NotImplementedError


@plugin("service", "works")
def works(config: ServiceSettings):
    raise NotImplementedError


def check(tmp_path, *texts):
    paths = []
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        paths.append(path)
    registry = Registry(available=())
    registry.add(kept, "thurn-store-kept")
    registry.add(works, "thurn-service-works")
    registry.add(carries, "thurn-service-carries")
    registry.add(held, "thurn-queue-held")
    return load(read(paths), registry)


SITE = '[site]\ndata = "d"\n'


@pytest.mark.parametrize(
    "line",
    [
        'postmaster = "postmaster"',
        'postmaster = "a b@example.org"',
        'worker_timeout = "0s"',
        'journal_retention = "999999d"',
        'hostname = "mail example"',
        'hostname = "mail\\r\\nexample"',
        'hostname = ""',
    ],
)
def test_what_would_fail_each_session_fails_the_start(tmp_path, line):
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, f"{SITE}{line}\n")
    assert f"0.toml:3: site.{line.split()[0]}: " in caught.value.findings[0]


def test_everything_wrong_is_said_at_once(tmp_path):
    text = (
        SITE
        + '[store.main]\ntype = "kept"\npatience = 5\npatiense = "5s"\n'  # lines 3 to 6
        + '[service.a]\ntype = "works"\nstores = ["mian"]\n'  # lines 7 to 9
        + '[stoer.b]\ntype = "kept"\n'
    )
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, text)
    findings = "\n".join(caught.value.findings)
    file = str(tmp_path / "0.toml")
    assert f'{file}:5: store.main.patience: write the unit: "5s"' in findings
    assert f'{file}:6: store.main.patiense: unknown key; did you mean "patience"?' in findings
    assert f"{file}:9: service.a.stores:" in findings
    assert f'{file}:10: stoer: unknown role; did you mean "store"?' in findings


def test_names_are_checked_in_and_of_broken_sections_too(tmp_path):
    text = (
        SITE
        + '[store.main]\ntype = "kept"\npatience = 5\n'
        + '[store.typo]\ntype = "kapt"\n[store.off]\ntype = "kept"\nenabled = false\n'
        + '[service.a]\ntype = "works"\nstroes = []\nstores = ["main", "typo", "off", "mian"]\n'
    )
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, text)
    told = [finding.partition(": ")[2] for finding in caught.value.findings]
    assert sorted(told) == [
        (
            'service.a.stores: service.a names store "mian", which does not exist'
            '; did you mean "main"?'
        ),
        'service.a.stroes: unknown key; did you mean "stores"?',
        'store.main.patience: write the unit: "5s"',
        'store.typo.type: no plugin "store.kapt" is installed; pip install thurn-store-kapt?',
    ]


def test_who_needs_shared_state_is_named(tmp_path):
    text = SITE + '[service.a]\ntype = "works"\ncounts = true\n[service.b]\ntype = "works"\n'
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, text)
    (finding,) = caught.value.findings
    assert f"{tmp_path}/0.toml:1: site: service.a: shared state is needed" in finding
    assert check(tmp_path, text.replace("true", "false")).instances


def test_who_needs_a_resolver_is_named_with_all_other_needs(tmp_path):
    text = SITE + '[service.a]\ntype = "works"\ncounts = true\nasks = true\n'
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, text)
    state, resolver = caught.value.findings
    assert "service.a: shared state is needed" in state
    told = 'write resolver = "main" here and a section [resolver.main] with type = "dns"'
    assert resolver == f"{tmp_path}/0.toml:1: site: service.a: a resolver is needed; {told}"


def test_the_resolver_of_the_site_is_checked(tmp_path):
    with pytest.raises(ConfigError, match=r'0\.toml:3: site\.resolver: site names resolver "main"'):
        check(tmp_path, f'{SITE}resolver = "main"\n')


def test_needs_are_opened_first_and_what_is_not_named_is_not(tmp_path):
    text = (
        SITE
        + '[service.a]\ntype = "works"\nstores = ["two"]\n'
        + '[queue.one]\ntype = "held"\n[store.two]\ntype = "kept"\n'
    )
    config = check(tmp_path, text)
    assert list(config.instances) == [("store", "two"), ("service", "a")]
    [warning] = config.warnings
    assert warning.endswith("0.toml:6: queue.one: defined, but nothing names it")


def test_a_store_that_nothing_names_is_opened(tmp_path):
    """Records of accounts name stores, too, and they are not in the site's file."""
    text = f'{SITE}[store.one]\ntype = "kept"\n[store.off]\ntype = "kept"\nenabled = false\n'
    config = check(tmp_path, text)
    assert list(config.instances) == [("store", "one")]
    assert config.warnings == ()


QUEUES = '[queue.main]\ntype = "held"\n[queue.other]\ntype = "held"\n'


@pytest.mark.parametrize(
    ("service", "warned"),
    [
        ("", True),
        ('[service.a]\ntype = "works"\n', True),
        ('[service.a]\ntype = "carries"\nqueue = "other"\n', True),
        ('[service.a]\ntype = "carries"\nqueue = "main"\n', False),
    ],
)
def test_a_queue_that_nobody_carries_on_is_a_warning(tmp_path, service, warned):
    """ADR 0014."""
    findings, warnings = check(tmp_path, SITE + 'queue = "main"\n' + QUEUES + service).examine()
    assert findings == []
    told = [text for text in warnings if "no service carries" in text]
    assert [f"{tmp_path}/0.toml:3: site.queue" in text for text in told] == [True] * warned


def test_a_site_without_a_queue_has_nothing_to_carry(tmp_path):
    assert check(tmp_path, SITE).examine() == ([], [])


def test_an_overlay_merges_tables_replaces_lists_and_turns_off(tmp_path):
    below = (
        SITE
        + '[store.one]\ntype = "kept"\n[store.two]\ntype = "kept"\npatience = "1s"\n'
        + '[service.a]\ntype = "works"\nstores = ["one", "two"]\n'
    )
    config = check(tmp_path, below, '[store.one]\nenabled = false\n[store.two]\npatience = "2m"\n')
    assert config.instances["service", "a"].settings.stores == ("two",)
    assert config.instances["store", "two"].settings.patience == 120.0
    assert config.source.where(("store", "two", "patience")) == f"{tmp_path}/1.toml:4"
    assert config.source.where(("store", "two", "type")) == f"{tmp_path}/0.toml:6"


def test_two_plugins_of_one_name_are_an_error_naming_both():
    registry = Registry(available=())
    registry.add(kept, "first-distribution")
    with pytest.raises(PluginError, match="first-distribution, second-distribution"):
        registry.add(kept, "second-distribution")


def test_lines_are_found_in_every_form_of_toml():
    text = (
        'a = """\nb = 1\n"""\n[x."y z"]\nk.l = 1\nm = [\n  "n = 2",\n]\n'
        "o = { p = 1, q = 2 }\n[[t]]\nu = 1\n[[t]]\nu = 2\n"
    )
    lines = key_lines(text)
    assert ("b",) not in lines
    assert lines["x", "y z", "k", "l"] == 5
    assert lines["x", "y z", "m"] == 6
    assert lines["x", "y z", "o", "q"] == 9
    assert lines["t", "1", "u"] == 13


@pytest.mark.parametrize(("role", "head"), [("imap", "listener.imap"), ("sieve", "delivery.sieve")])
@pytest.mark.parametrize("type_name", ["colours", "flags"])
def test_a_role_that_another_plugin_declares(tmp_path, role, head, type_name):
    """`[imap.x]`, and nothing uses the listener that would know what that is."""
    path = tmp_path / "site.toml"
    path.write_text(f'{SITE}[{role}.x]\ntype = "{type_name}"\n')
    kind, _, name = head.partition(".")
    with pytest.raises(ConfigError) as caught:
        load(read([path]))
    told = f"{path}:3: {role}: unknown role; {head} declares it: "
    assert f'{told}add a [{kind}.NAME] with type = "{name}"' in caught.value.findings
    with pytest.raises(ConfigError) as caught:
        load(read([path]), Registry(available=(), families=()))
    assert any(f"{path}:3: {role}: unknown role" in one for one in caught.value.findings)


class Distribution:
    """The metadata of a distribution that is not installed."""

    def __init__(self, name, *requires):
        self.name, self.requires = name, list(requires)


def entry_point(name, value, distribution):
    return EntryPoint(name, value, "thurn")._for(distribution)


def test_a_plugin_of_a_family_without_its_head(tmp_path, monkeypatch):
    """The finding names the head's distribution, known from the extension's requirements."""
    path = tmp_path / "site.toml"
    path.write_text(f'{SITE}[imap.x]\ntype = "colours"\n')
    needs = ("thurn>=2,<3", "thurn-listener-imap>=2,<3", 'thurn-web-x; extra == "web"')
    point = entry_point(
        "imap.colours", "colours_plugin:colours", Distribution("thurn-imap-colours", *needs)
    )
    (tmp_path / "colours_plugin.py").write_text(
        "from thurn.plugin import plugin\n"
        "@plugin('imap', 'colours')\ndef colours():\n    raise NotImplementedError\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load(read([path]), Registry(available=[point], families=()))
    told = f"{path}:3: imap: unknown role; pip install thurn-listener-imap, and use it: "
    assert f"{told}an extension needs it" in caught.value.findings


def test_a_type_taken_for_a_role(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(f'{SITE}[spool.main]\ntype = "spool"\n')
    with pytest.raises(ConfigError) as caught:
        load(read([path]))
    assert f"{path}:3: spool: unknown role" in caught.value.findings


@pytest.mark.parametrize(
    ("hostname", "fault"),
    [
        ("mail..example", "empty label"),
        ("192.0.2.1", "domain ends in a number"),
        ("mail_1.example", "malformed domain"),
        ("[192.0.2]", "malformed address literal"),
    ],
)
def test_a_hostname_that_nobody_can_greet_with(tmp_path, hostname, fault):
    with pytest.raises(ConfigError, match=f"site.hostname: {fault}"):
        check(tmp_path, f'{SITE}hostname = "{hostname}"\n')
    for good in ("mail.example", "localhost", "[192.0.2.1]", "[IPv6:2001:db8::1]"):
        assert check(tmp_path, f'{SITE}hostname = "{good}"\n').site.hostname == good


def test_an_instance_that_a_list_names_twice(tmp_path):
    text = SITE + '[service.a]\ntype = "works"\nstores = ["m", "m"]\n[store.m]\ntype = "kept"\n'
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, text)
    (finding,) = caught.value.findings
    assert finding.endswith(':5: service.a.stores: names store "m" twice; leave one out')


class PathSettings(Settings):
    place: SitePath
    other: SitePath | None = None
    names: tuple[str, ...] = ()


@plugin("service", "places")
def places(config: PathSettings):
    raise NotImplementedError


def overlaid(tmp_path, below, above):
    folders = [tmp_path / "site", tmp_path / "above"]
    files = []
    for folder, text in zip(folders, (below, above), strict=True):
        folder.mkdir()
        files.append(folder / "thurn.toml")
        files[-1].write_text(text)
    registry = Registry(available=())
    registry.add(places)
    return load(read(files), registry).instances["service", "a"].settings


def test_a_relative_path_stays_with_the_file_that_has_it(tmp_path):
    below = SITE + '[service.a]\ntype = "places"\nplace = "here"\n'
    settings = overlaid(tmp_path, below, '[service.a]\nother = "there"\n')
    assert settings.place == tmp_path / "site" / "here"
    assert settings.other == tmp_path / "above" / "there"


@pytest.mark.parametrize(
    ("above", "result"),
    [
        ('["new"]', ("new",)),
        ('["...", "new"]', ("one", "two", "new")),
        ('["new", "..."]', ("new", "one", "two")),
        ('["a", "...", "b"]', ("a", "one", "two", "b")),
        ("[]", ()),
    ],
)
def test_an_overlay_replaces_or_extends_a_list(tmp_path, above, result):
    below = SITE + '[service.a]\ntype = "places"\nplace = "x"\nnames = ["one", "two"]\n'
    assert overlaid(tmp_path, below, f"[service.a]\nnames = {above}\n").names == result

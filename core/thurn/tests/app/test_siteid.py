"""A disk that is not mounted is not a new site."""

from __future__ import annotations

import shutil

import pytest
from thurn.app import siteid
from thurn.app.siteid import NAME, check_site_id
from thurn.types.errors import ConfigError

PLACES = ("log", "queue/main", "store/main")


@pytest.fixture
def data(tmp_path):
    """A site after its first start."""
    check_site_id(tmp_path, PLACES, may_mark=True)
    return tmp_path


def ids(data):
    return {(data / place / NAME).read_text().split("\n")[0] for place in ("", *PLACES)}


def test_the_first_start_marks_all_directories(data):
    assert len(ids(data)) == 1
    assert len(ids(data).pop()) == 32
    assert (data / NAME).read_text().split("\n")[1:] == [*PLACES, ""]
    assert sorted(path.name for path in data.iterdir()) == ["log", "queue", NAME, "store"]
    for place in ("", *PLACES):
        assert (data / place / NAME).stat().st_mode & 0o777 == 0o600


def test_later_starts_change_nothing(data):
    before = {path: path.read_text() for path in data.rglob(NAME)}
    check_site_id(data, PLACES, may_mark=True)
    check_site_id(data, PLACES[:1], may_mark=False)
    assert {path: path.read_text() for path in data.rglob(NAME)} == before


def test_an_older_site_is_marked_with_what_it_has(tmp_path):
    (tmp_path / "store" / "main" / "accounts").mkdir(parents=True)
    check_site_id(tmp_path, PLACES, may_mark=True)
    assert len(ids(tmp_path)) == 1
    assert (tmp_path / "store" / "main" / "accounts").is_dir()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("may_mark", [True, False])
def test_a_directory_that_is_not_mounted_stops_the_start(data, place, may_mark):
    shutil.rmtree(data / place)
    (data / place).mkdir()
    with pytest.raises(ConfigError, match="not mounted"):
        check_site_id(data, PLACES, may_mark=may_mark)
    (data / place).rmdir()
    with pytest.raises(ConfigError, match="not mounted"):
        check_site_id(data, PLACES, may_mark=may_mark)
    assert not (data / place).exists()


@pytest.mark.parametrize("place", PLACES)
def test_nor_is_another_sites_directory_taken(data, place):
    (data / place / NAME).write_text("f" * 32 + "\n")
    with pytest.raises(ConfigError, match="another site"):
        check_site_id(data, PLACES, may_mark=True)


@pytest.mark.parametrize("place", PLACES)
def test_a_data_directory_that_is_not_mounted_stops_the_start(data, place):
    (data / NAME).unlink()
    for other in PLACES:
        if other != place:
            (data / other / NAME).unlink()
    with pytest.raises(ConfigError, match="not mounted"):
        check_site_id(data, PLACES, may_mark=True)
    assert not (data / NAME).exists()


def test_a_new_instance_is_marked(data):
    check_site_id(data, [*PLACES, "store/second"], may_mark=True)
    assert (data / "store" / "second" / NAME).read_text().strip() in ids(data)
    shutil.rmtree(data / "store" / "second")
    with pytest.raises(ConfigError, match="not mounted"):
        check_site_id(data, [*PLACES, "store/second"], may_mark=True)
    check_site_id(data, PLACES, may_mark=True)  # of an instance that is not named any more


def test_a_new_instance_does_not_take_another_sites_directory(data):
    (data / "store" / "second").mkdir()
    (data / "store" / "second" / NAME).write_text("f" * 32 + "\n")
    with pytest.raises(ConfigError, match="another site"):
        check_site_id(data, [*PLACES, "store/second"], may_mark=True)


def test_who_only_looks_marks_nothing(tmp_path):
    check_site_id(tmp_path, PLACES, may_mark=False)
    assert list(tmp_path.iterdir()) == []


def test_an_operator_may_begin_anew(data):
    shutil.rmtree(data / "queue" / "main")
    lines = (data / NAME).read_text().split("\n")
    (data / NAME).write_text("\n".join(line for line in lines if line != "queue/main"))
    check_site_id(data, PLACES, may_mark=True)
    assert len(ids(data)) == 1


@pytest.mark.parametrize("cut_at", range(1, 6))
def test_a_first_start_that_is_cut_off_goes_on(tmp_path, monkeypatch, cut_at):
    written = []
    write = siteid._write

    def cut(path, lines):
        if len(written) + 1 == cut_at:
            raise KeyboardInterrupt
        written.append(path)
        write(path, lines)

    monkeypatch.setattr(siteid, "_write", cut)
    with pytest.raises(KeyboardInterrupt):
        check_site_id(tmp_path, PLACES, may_mark=True)
    monkeypatch.undo()
    check_site_id(tmp_path, PLACES, may_mark=True)
    assert len(ids(tmp_path)) == 1
    assert not (tmp_path / "site-id.new").exists()

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ncps.errors import ConfigError
from ncps.training._folder import Draft, check_free, free_name


def _write(folder: Path, text: str, **options: bool) -> Path:
    return _publish(folder, lambda draft: _fill(draft, text), **options)


def _publish(folder: Path, fill: Callable[[Path], None], **options: bool) -> Path:
    with Draft(folder, **options) as draft:
        return draft.publish(fill)


def _fill(draft: Path, text: str) -> None:
    (draft / "a").write_text(text)


def _fail(error: BaseException):
    def fill(draft: Path) -> None:
        _fill(draft, "half")
        raise error

    return fill


def test_folder_appears_whole(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"

    def fill(draft: Path) -> None:
        _fill(draft, "1")
        assert not folder.exists()
        assert draft.parent == folder.parent

    assert _publish(folder, fill) == folder
    assert (folder / "a").read_text() == "1"
    assert os.listdir(folder.parent) == ["run"]


@pytest.mark.parametrize("error", [RuntimeError("halfway"), KeyboardInterrupt()])
def test_failure_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        _publish(tmp_path / "run", _fail(error))
    assert os.listdir(tmp_path) == []


def test_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(ConfigError, match=r"run cannot be written: No space left on device$"):
        _publish(tmp_path / "run", _fail(full))
    assert os.listdir(tmp_path) == []


def test_older_folder_is_replaced_whole_or_kept(tmp_path: Path) -> None:
    folder = _write(tmp_path / "run", "1")
    (folder / "b").write_text("old")
    with pytest.raises(RuntimeError, match="halfway"):
        _publish(folder, _fail(RuntimeError("halfway")), replace=True)
    assert (folder / "a").read_text() == "1"
    assert _write(folder, "2", replace=True) == folder
    assert [p.name for p in folder.iterdir()] == ["a"]
    assert (folder / "a").read_text() == "2"
    assert os.listdir(tmp_path) == ["run"]


def test_older_folder_comes_back_when_the_exchange_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _write(tmp_path / "run", "1")
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if target == folder and self.name != "old":
            raise OSError(errno.EIO, "broken")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(ConfigError, match="run cannot be written: broken"):
        _write(folder, "2", replace=True)
    assert (folder / "a").read_text() == "1"
    assert os.listdir(tmp_path) == ["run"]


def test_folder_that_somebody_filled_meanwhile_is_kept(tmp_path: Path) -> None:
    def fill(draft: Path) -> None:
        _fill(draft, "mine")
        (tmp_path / "run").mkdir()
        _fill(tmp_path / "run", "theirs")

    assert _publish(tmp_path / "run", fill) == tmp_path / "run-2"
    assert (tmp_path / "run" / "a").read_text() == "theirs"
    assert (tmp_path / "run-2" / "a").read_text() == "mine"


def test_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert (_write(tmp_path / "run", "1") / "a").read_text() == "1"
    assert os.listdir(tmp_path) == ["run"]


def test_folder_is_as_readable_as_mkdir_makes_it(tmp_path: Path) -> None:
    _write(tmp_path / "run", "1")
    (tmp_path / "plain").mkdir()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("run", "plain")}
    assert len(modes) == 1


def test_filled_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    _write(tmp_path / "run", "1")
    (tmp_path / "empty").mkdir()
    message = "is not empty; name another folder with --out, remove this one, or continue its run"
    with pytest.raises(ConfigError, match=message):
        check_free(tmp_path / "run")
    with pytest.raises(ConfigError, match="is a file; name a folder with --out"):
        check_free(tmp_path / "run" / "a")
    check_free(tmp_path / "empty")
    check_free(tmp_path / "not" / "there")


def test_draft_is_there_before_the_work_and_gone_without_a_result(tmp_path: Path) -> None:
    with Draft(tmp_path / "new" / "run") as draft:
        assert draft.path.parent == tmp_path / "new"
        assert draft.path.is_dir()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("place", ["file/run", "loop", "loop/run"])
def test_place_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError, match="cannot be written: "), Draft(tmp_path / place):
        pytest.fail("the work began")
    assert sorted(os.listdir(tmp_path)) == ["file", "loop"]


def test_draft_that_the_disk_refuses_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(ConfigError, match="run cannot be written: Permission denied"):
        _write(tmp_path / "new" / "run", "1")
    assert os.listdir(tmp_path) == []


def test_working_directory_stays_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = os.stat(tmp_path / "here").st_ino
    assert _write(Path("."), "1") == Path(".")
    assert os.listdir() == ["a"]
    _write(Path("."), "2", replace=True)
    assert Path("a").read_text() == "2"
    assert os.listdir() == ["a"]
    assert os.stat(tmp_path / "here").st_ino == before
    assert os.listdir(tmp_path) == ["here"]


@pytest.mark.parametrize("exists", [True, False])
def test_link_is_followed(tmp_path: Path, exists: bool) -> None:
    if exists:
        (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    _write(tmp_path / "link", "1")
    assert (tmp_path / "link").is_symlink()
    _write(tmp_path / "link", "2", replace=True)
    assert (tmp_path / "real" / "a").read_text() == "2"
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]
    assert os.listdir(tmp_path / "real") == ["a"]


@pytest.mark.parametrize("replace", [True, False])
def test_mount_point_is_filled_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replace: bool
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda self: self == folder)
    rename = Path.rename

    def busy(self: Path, target: Path) -> Path:
        if folder in (self, target):
            raise OSError(errno.EBUSY, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", busy)
    if replace:
        _fill(folder, "old")
    _write(folder, "1", replace=replace)
    assert (folder / "a").read_text() == "1"
    assert os.listdir(folder) == ["a"]
    assert os.listdir(tmp_path) == ["disk"]


def test_files_that_cannot_all_be_moved_are_moved_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    _fill(folder, "old")
    monkeypatch.setattr(Path, "is_mount", lambda self: self == folder)
    rename = Path.rename

    def broken(self: Path, target: Path) -> Path:
        if self.name == "config.json":
            raise OSError(errno.EIO, "broken")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)

    def fill(draft: Path) -> None:
        (draft / "config.json").write_text("{}")
        _fill(draft, "new")

    with pytest.raises(ConfigError, match="disk cannot be written: broken"):
        _publish(folder, fill, replace=True)
    assert (folder / "a").read_text() == "old"
    assert os.listdir(folder) == ["a"]


def test_free_name_counts_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert free_name("co2-CfC") == Path("co2-CfC")
    Path("co2-CfC").mkdir()
    Path("co2-CfC-2").mkdir()
    assert free_name("co2-CfC") == Path("co2-CfC-3")

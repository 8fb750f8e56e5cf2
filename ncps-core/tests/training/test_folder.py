from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from ncps.errors import ConfigError
from ncps.training._folder import check_free, free_name, write_folder


def _write(folder: Path, text: str, **options: bool) -> Path:
    return write_folder(folder, lambda draft: _fill(draft, text), **options)


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

    assert write_folder(folder, fill) == folder
    assert (folder / "a").read_text() == "1"
    assert os.listdir(folder.parent) == ["run"]


@pytest.mark.parametrize("error", [RuntimeError("halfway"), KeyboardInterrupt()])
def test_failure_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write_folder(tmp_path / "run", _fail(error))
    assert os.listdir(tmp_path) == []


def test_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(ConfigError, match=r"run cannot be written: No space left on device$"):
        write_folder(tmp_path / "run", _fail(full))
    assert os.listdir(tmp_path) == []


def test_older_folder_is_replaced_whole_or_kept(tmp_path: Path) -> None:
    folder = _write(tmp_path / "run", "1")
    (folder / "b").write_text("old")
    with pytest.raises(RuntimeError, match="halfway"):
        write_folder(folder, _fail(RuntimeError("halfway")), replace=True)
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

    assert write_folder(tmp_path / "run", fill) == tmp_path / "run-2"
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


def test_free_name_counts_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert free_name("co2-CfC") == Path("co2-CfC")
    Path("co2-CfC").mkdir()
    Path("co2-CfC-2").mkdir()
    assert free_name("co2-CfC") == Path("co2-CfC-3")

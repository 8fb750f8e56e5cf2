from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ncps.errors import ConfigError
from ncps.training._folder import check_free, free_name, whole_folder


def _write(folder: Path, text: str) -> None:
    with whole_folder(folder) as draft:
        (draft / "a").write_text(text)


def test_folder_appears_whole(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with whole_folder(folder) as draft:
        (draft / "a").write_text("1")
        assert not folder.exists()
        assert draft.parent == folder.parent
    assert (folder / "a").read_text() == "1"
    assert os.listdir(folder.parent) == ["run"]


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_folder(tmp_path / "run") as draft:
            (draft / "a").write_text("1")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        fail()
    assert os.listdir(tmp_path) == []


def test_interruption_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "run"):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_older_folder_is_replaced_whole_or_kept(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    _write(folder, "1")
    (folder / "b").write_text("old")
    with pytest.raises(RuntimeError, match="halfway"), whole_folder(folder):
        raise RuntimeError("halfway")
    assert (folder / "a").read_text() == "1"
    _write(folder, "2")
    assert [p.name for p in folder.iterdir()] == ["a"]
    assert (folder / "a").read_text() == "2"
    assert os.listdir(tmp_path) == ["run"]


def test_older_folder_comes_back_when_the_exchange_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    _write(folder, "1")
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if target == folder and self.name != "old":
            raise OSError("no space")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="no space"):
        _write(folder, "2")
    assert (folder / "a").read_text() == "1"
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

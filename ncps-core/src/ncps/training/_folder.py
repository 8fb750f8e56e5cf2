"""A folder that appears whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ncps.errors import ConfigError


def check_free(folder: Path) -> None:
    """ConfigError when the folder holds something already, or is none."""
    with _one_line(folder):
        if folder.is_dir():
            if any(folder.iterdir()):
                raise ConfigError(
                    f"{folder} is not empty; name another folder with --out, remove this one, "
                    f"or continue its run with --resume {folder}"
                )
        elif folder.exists():
            raise ConfigError(f"{folder} is a file; name a folder with --out")


def free_name(stem: str) -> Path:
    """``stem``, or the first of stem-2, stem-3 … that does not exist here."""
    number, folder = 1, Path(stem)
    while folder.exists():
        number += 1
        folder = Path(f"{stem}-{number}")
    return folder


class Draft:
    """A folder in the making, ready before the work whose result it will hold.

    It lies beside the folder, which it becomes by one rename. A folder that is there already, such
    as the working directory or a mount point, is kept: the draft lies in it, and its files move up
    one by one. Leaving the context without ``publish`` leaves nothing behind, an older folder as it
    was.

    Args:
        folder: new or empty, or, with ``replace``, what the draft replaces; a link is followed.
        replace: the older content goes when the draft is whole.

    Raises: ConfigError when the place cannot be written to.
    """

    def __init__(self, folder: Path, *, replace: bool = False) -> None:
        self._folder, self._replace = folder, replace
        self._made: list[Path] = []

    def __enter__(self) -> Draft:
        with _one_line(self._folder):
            self._target = Path(os.path.realpath(self._folder))
            if self._target.is_symlink():
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            self._inside = self._target.exists() and not (self._replace and _movable(self._target))
            home = self._target if self._inside else self._target.parent
            self._made = [p for p in (home, *home.parents) if not p.exists()]
            try:
                home.mkdir(parents=True, exist_ok=True)
                self.path = Path(tempfile.mkdtemp(dir=home, prefix=f".{self._target.name}."))
            except OSError:
                self._remove_made()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._remove_made()

    def publish(self, fill: Callable[[Path], None]) -> Path:
        """Have ``fill`` write into the draft, put it in its place, and return where that is.

        Without ``replace``, a folder that somebody else filled meanwhile is kept, and the next free
        name taken.
        Raises: ConfigError when the disk refuses.
        """
        with _one_line(self._folder):
            fill(self.path)
            _readable(self.path)
            filled = self._target.exists() and set(self._target.iterdir()) - {self.path}
            if filled and not self._replace:
                folder = free_name(str(self._target if self._inside else self._folder))
                shutil.move(self.path, folder)
                return folder
            if self._inside:
                _move_up(self.path, self._target)
            elif filled:
                _exchange(self.path, self._target)
            else:
                self.path.rename(self._target)
        return self._folder

    def _remove_made(self) -> None:
        for parent in self._made:
            # what is not empty is somebody's
            with suppress(OSError):
                parent.rmdir()


@contextmanager
def _one_line(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}") from error


def _movable(folder: Path) -> bool:
    """Whether the folder can be renamed and nobody stands in it."""
    return os.access(folder.parent, os.W_OK) and not folder.is_mount() and folder != Path.cwd()


def _readable(draft: Path) -> None:
    # mkdtemp makes the folder private; give it the mode that mkdir would have given
    mask = os.umask(0)
    os.umask(mask)
    draft.chmod(0o777 & ~mask)


def _exchange(draft: Path, target: Path) -> None:
    """Put the draft in the place of the folder."""
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        target.rename(aside / "old")
        try:
            draft.rename(target)
        except OSError:
            (aside / "old").rename(target)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _move_up(draft: Path, target: Path) -> None:
    """Put the draft's files in the place of what else is in the folder that it lies in."""
    aside = Path(tempfile.mkdtemp(dir=target, prefix=f".{target.name}."))
    old = [path for path in target.iterdir() if path not in (draft, aside)]
    # config.json last: without it the folder is none that ncps train wrote
    new = sorted(draft.iterdir(), key=lambda path: path.name == "config.json")
    moves = [(p, aside / p.name) for p in old] + [(p, target / p.name) for p in new]
    done: list[tuple[Path, Path]] = []
    try:
        for source, place in moves:
            source.rename(place)
            done.append((source, place))
    except OSError:
        for source, place in reversed(done):
            place.rename(source)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)

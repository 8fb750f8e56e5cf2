"""A folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ncps.errors import ConfigError


def check_free(folder: Path) -> None:
    """ConfigError when the folder holds something already, or could not be made."""
    if folder.is_dir():
        if any(folder.iterdir()):
            raise ConfigError(
                f"{folder} is not empty; name another folder with --out, remove this one, "
                f"or continue its run with --resume {folder}"
            )
    elif folder.exists():
        raise ConfigError(f"{folder} is a file; name a folder with --out")
    parent = next(p for p in folder.absolute().parents if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise ConfigError(
            f"{folder} cannot be made: {parent} cannot be written to; use another --out"
        )


def free_name(stem: str) -> Path:
    """``stem``, or the first of stem-2, stem-3 … that does not exist here."""
    number, folder = 1, Path(stem)
    while folder.exists():
        number += 1
        folder = Path(f"{stem}-{number}")
    return folder


def write_folder(folder: Path, fill: Callable[[Path], None], *, replace: bool = False) -> Path:
    """Have ``fill`` write into a draft beside ``folder``, then rename it; returns where it is.

    An error in ``fill`` leaves nothing behind, an older ``folder`` as it was. Without ``replace``,
    a folder that was filled by somebody else in the meantime is kept, and the next free name taken.

    Raises: ConfigError when the disk refuses.
    """
    target = folder.absolute()
    draft: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        fill(draft)
        _readable(draft)
        if replace and target.exists():
            _exchange(draft, target)
            return folder
        if target.exists() and any(target.iterdir()):
            folder = free_name(str(folder))
        draft.rename(folder)
        return folder
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


def _readable(draft: Path) -> None:
    # mkdtemp makes the folder private; give it the mode that mkdir would have given
    mask = os.umask(0)
    os.umask(mask)
    draft.chmod(0o777 & ~mask)


def _exchange(draft: Path, target: Path) -> None:
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

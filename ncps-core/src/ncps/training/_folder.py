"""A folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to write in, which takes the place of ``folder`` when the block ends well.

    It lies beside it, so that the last step is a rename; after an error nothing is left of it, and
    an older ``folder`` is as it was.
    """
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield draft
        _readable(draft)
        _exchange(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _readable(draft: Path) -> None:
    # mkdtemp makes the folder private; give it the mode that mkdir would have given
    mask = os.umask(0)
    os.umask(mask)
    draft.chmod(0o777 & ~mask)


def _exchange(draft: Path, folder: Path) -> None:
    if not folder.exists():
        draft.rename(folder)
        return
    old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    folder.rename(old / "old")
    try:
        draft.rename(folder)
    except OSError:
        (old / "old").rename(folder)
        raise
    finally:
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)

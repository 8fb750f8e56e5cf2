"""Compiles the package's C with the compiler at hand; without one the package does without it."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src") / "ncps_hyena" / "native"
LIBRARY = FOLDER / "_operator.so"
# memory is read as vectors and as numbers
FLAGS = ["-O3", "-std=gnu11", "-fPIC", "-pthread", "-fno-strict-aliasing"]
AVX2 = ["-mavx2", "-mfma"]
# the kinds of processors, and the bytes of their vectors
PROCESSORS = {
    "avx2": [*AVX2, "-DWIDTH=32"],
    "avx512": [*AVX2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-DWIDTH=64"],
}


class Compiled(BuildHookInterface):
    """The wheel's compiled part."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile it, and say in the wheel's tag for which platform it is."""
        root = Path(self.root)
        try:
            _compile(root / FOLDER, root / LIBRARY)
        except (OSError, subprocess.CalledProcessError) as error:
            (root / LIBRARY).unlink(missing_ok=True)
            self.app.display_warning(f"ncps-hyena is built without compiled functions: {error}")
            return
        build_data["artifacts"].append(LIBRARY.as_posix())
        build_data["pure_python"] = False
        name = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{name}"


def _compile(folder: Path, library: Path) -> None:
    compiler = _compiler()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        objects = [scratch / "dispatch.o"]
        _run(*compiler, *FLAGS, "-c", folder / "dispatch.c", "-o", objects[0])
        for processor, flags in PROCESSORS.items():
            for number in ("float", "double"):
                objects.append(scratch / f"{processor}_{number}.o")
                kind = [*flags, f"-DREAL={number}", f"-DKIND={objects[-1].stem}"]
                source = ["-c", folder / "operator.c", "-o", objects[-1]]
                _run(*compiler, *FLAGS, *kind, *source)
        # beside its place, and then into it: the old one may be in use
        new = library.with_suffix(f".{os.getpid()}")
        try:
            _run(*compiler, "-shared", "-pthread", *objects, "-o", new)
            new.replace(library)
        finally:
            new.unlink(missing_ok=True)


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True)


def _compiler() -> list[str]:
    machine = platform.machine().lower()
    if machine not in ("x86_64", "amd64") or sys.platform == "win32":
        raise OSError(f"there are none for {sys.platform} on {machine}")
    if "CC" in os.environ:
        return shlex.split(os.environ["CC"])
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if found is None:
        raise OSError("there is no C compiler; install one, or name it in CC")
    return [found]

"""Compiles the package's C with the compiler at hand; without one the package does without it."""

from __future__ import annotations

import ctypes
import os
import platform
import runpy
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
# memory is read as vectors and as numbers
FLAGS = ["-O3", "-std=gnu11", "-fPIC", "-pthread", "-fno-strict-aliasing"]
AVX2 = ["-mavx2", "-mfma"]
# the kinds of processors, and the bytes of their vectors
PROCESSORS = {
    "avx2": [*AVX2, "-DWIDTH=32"],
    "avx512": [*AVX2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-DWIDTH=64"],
}


class Compiled(BuildHookInterface):
    """The wheel's compiled part; for an index, `auditwheel repair` then gives it its tag."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile it, and say in the wheel's tag for which platform it is."""
        self.scratch = Path(tempfile.mkdtemp())
        folder = Path(self.root) / FOLDER
        # how the package finds the library, and knows its sources
        package = runpy.run_path(str(folder / "_library.py"))
        library = self.scratch / package["NAME"]
        try:
            _compile(folder, package["sources"](), library)
            # one that cannot be loaded here is none
            ctypes.CDLL(str(library))
            if version == "editable":
                _place(library, folder / library.name)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"ncps-hyena is built without compiled functions: {error}")
            return
        if version != "editable":
            build_data["force_include"][str(library)] = f"ncps_hyena/native/{library.name}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what the wheel now has."""
        shutil.rmtree(self.scratch, ignore_errors=True)


def _place(library: Path, target: Path) -> None:
    # beside its place, and then into it: the old one may be in use
    new = target.with_name(f"_{os.getpid()}{target.suffix}")
    try:
        shutil.copy(library, new)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)


def _platform() -> str:
    # what was compiled is for this machine alone, though Python be for two
    name = sysconfig.get_platform().replace("universal2", platform.machine())
    return name.replace("-", "_").replace(".", "_")


def _compile(folder: Path, sources: str, library: Path) -> None:
    compiler, scratch = _compiler(), library.parent
    flags = [*FLAGS, *shlex.split(os.environ.get("CFLAGS", ""))]
    objects = [scratch / "dispatch.o"]
    named = f'-DSOURCES="{sources}"'
    _run(*compiler, *flags, named, "-c", folder / "dispatch.c", "-o", objects[0])
    for processor, kind in PROCESSORS.items():
        for number in ("float", "double"):
            objects.append(scratch / f"{processor}_{number}.o")
            macros = [f"-DREAL={number}", f"-DKIND={objects[-1].stem}"]
            source = ["-c", folder / "operator.c", "-o", objects[-1]]
            _run(*compiler, *flags, *kind, *macros, *source)
    last = shlex.split(os.environ.get("LDFLAGS", ""))
    _run(*compiler, *flags, "-shared", *objects, *last, "-o", library)


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True)


def _compiler() -> list[str]:
    machine = platform.machine().lower()
    if machine not in ("x86_64", "amd64") or sys.platform == "win32":
        raise OSError(f"there are none for {sys.platform} on {machine}")
    named = shlex.split(os.environ.get("CC", ""))
    if named:
        return named
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if found is None:
        raise OSError("there is no C compiler; install one, or name it in CC")
    return [found]

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
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src") / "ncps_hyena" / "native"
LIBRARY = "_operator.so"
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
        self.scratch = tempfile.mkdtemp()
        folder, library = Path(self.root) / FOLDER, Path(self.scratch) / LIBRARY
        try:
            _compile(folder, library)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"ncps-hyena is built without compiled functions: {error}")
            return
        if version == "editable":
            # beside its place, and then into it: the old one may be in use
            new = folder / f"{LIBRARY}.{os.getpid()}"
            shutil.copy(library, new)
            new.replace(folder / LIBRARY)
        else:
            build_data["force_include"][str(library)] = f"ncps_hyena/native/{LIBRARY}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.scratch, ignore_errors=True)


def _platform() -> str:
    # what was compiled is for this machine alone, though Python be for two
    name = sysconfig.get_platform().replace("universal2", platform.machine())
    return name.replace("-", "_").replace(".", "_")


def _compile(folder: Path, library: Path) -> None:
    compiler, scratch = _compiler(), library.parent
    files = sorted(path for path in folder.iterdir() if path.suffix in (".c", ".h"))
    # so that no other version of the package takes it for its own
    sources = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
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
    _run(*compiler, "-shared", "-pthread", *objects, *last, "-o", library)


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

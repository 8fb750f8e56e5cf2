"""Every check of the project, each in a virtual environment of its own: `python -m nox`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
CORE = "ncps-core"
PLUGINS = ["hyena", "keras", "mlx", "torch", "xlstm"]
SOURCES = [f"{CORE}/src", *(f"plugins/ncps-{name}/src" for name in PLUGINS)]
# Keras has one back end in a process: each is tested in an environment of its own
KERAS = {
    "torch": "torch",
    "jax": "jax",
    "tensorflow": "tensorflow-cpu" if sys.platform == "linux" else "tensorflow",
}
# what the support matrix shows: a framework, and the back end where it has one
SUPPORT = [("numpy", None), ("mlx", None), ("torch", None), *(("keras", name) for name in KERAS)]
# On JAX and TensorFlow the whole kit takes half an hour: `support` runs it, and each run of the
# tests has one layer of each make
EACH_MAKE = ["CfCCell", "Conv1D", "Dense", "GeGLU", "LSTM", "LTCCell", "LayerNorm", "Residual"]
CHOSEN = " or ".join(f"[{name}-" for name in EACH_MAKE)
# layer types of their own, on every framework that they know
TYPES = ["hyena", "xlstm"]
SUITES = [*TYPES, "mlx", "torch", *(f"keras-{backend}" for backend in KERAS)]
# NumPy takes a run for each number of a gradient, minutes for blocks and models of them: `support`
# has these too
SLOW = "gradients or dtypes or zero_timespans or huge_timespans"
LONG = f"TestNumpy and (Block or LM or Large-) and ({SLOW})"
FRAMEWORKS = ["mlx", "torch", "keras", "jax", "tensorflow"]
LEFTOVERS = [".git", ".nox", ".venv", ".*_cache", "co2-*"]
PINNED = ["-c", "constraints.txt"]
PYTEST = ["pytest", "pytest-xdist", "hypothesis"]
# what solver="dopri5" on torch needs
SOLVERS = "torchdiffeq"
# thousands of tests, each on its own
PARALLEL = ["-n", str(min(4, os.cpu_count() or 1))]
# draw without a display, and let no setting of the user's steer a test
SETTINGS = [key for key in os.environ if key.startswith(("NCPS_", "KERAS_"))]
# the names of some tests hold sets: tests that run in parallel need one order of them
ENVIRONMENT = {"MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"} | dict.fromkeys(SETTINGS)

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "types", "plugin", "conversion", "install", "tests", "tests_lowest"]


def _editable(*names: str, extras: str = "") -> list[str]:
    """Pip's arguments that install the core and these plugins from the work tree."""
    packages = [f"./{CORE}{extras}", *(f"./plugins/ncps-{name}" for name in names)]
    return [argument for package in packages for argument in ("-e", package)]


def _original(session: nox.Session) -> dict[str, str]:
    """The environment variable that says where ncps 1.0.1 is: beside ours, not in its place."""
    folder = str(Path(session.create_tmp()) / "original")
    session.install("--no-deps", "--upgrade", "--target", folder, "ncps==1.0.1")
    return {"ORIGINAL_NCPS": folder}


def _xlstm(session: nox.Session) -> dict[str, str]:
    """The environment variables that bring the package xlstm, of which ours needs nothing."""
    folder = str(Path(session.create_tmp()) / "original-xlstm")
    packages = ["xlstm==2.0.6", "mlstm_kernels==2.0.6"]
    session.install("--no-deps", "--upgrade", "--target", folder, *packages)
    session.install(*PINNED, "einops", "setuptools")  # which it imports
    return {"ORIGINAL_XLSTM": folder, "PYTHONPATH": folder}


def _without_frameworks(session: nox.Session) -> None:
    """Fail if a framework has found its way into an environment that must have none."""
    code = (
        "import importlib.util as u, sys;"
        f"found = [name for name in {FRAMEWORKS} if u.find_spec(name)];"
        "sys.exit(f'the core pulled in {found}' if found else 0)"
    )
    session.run("python", "-c", code)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff's rules and format, the format of C, and the rules on who may import whom."""
    session.install(*PINNED, "ruff", "clang-format", "import-linter")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    sources = [str(path) for name in SOURCES for path in sorted(Path(name).rglob("*.[ch]"))]
    session.run("clang-format", "--dry-run", "--Werror", *sources)
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": os.pathsep.join(SOURCES)})


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict, over every package."""
    session.install(*PINNED, "mypy", "pytest", *_editable(*PLUGINS, extras="[plot]"))
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """The core's tests, with no framework installed."""
    # scipy: one of networkx's layouts that a drawing may use needs it
    session.install(*PINNED, *PYTEST, "scipy", *_editable(extras="[plot]"))
    _without_frameworks(session)
    session.run("pytest", *PARALLEL, f"{CORE}/tests", *session.posargs, env=ENVIRONMENT)


@nox.session
@nox.parametrize("name", SUITES, ids=SUITES)
def plugin(session: nox.Session, name: str) -> None:
    """One plugin's tests, and the tests that span packages; of Keras, on one of its back ends."""
    if name.startswith("keras-"):
        _keras(session, name.removeprefix("keras-"))
        return
    if name in TYPES:
        _types(session, name)
        return
    extra = [SOLVERS, "array-api-compat"] if name == "torch" else []
    session.install(*PINNED, *PYTEST, *extra, *_editable(name, extras="[plot]"))
    environment = ENVIRONMENT | (_original(session) if name == "torch" else {})
    folders = [f"plugins/ncps-{name}/tests", "tests"]
    session.run("pytest", *PARALLEL, *folders, *session.posargs, env=environment)


def _types(session: nox.Session, name: str) -> None:
    """The tests of a plugin with layer types of its own, and the kit on all of its frameworks."""
    session.install(*PINNED, *PYTEST, *_editable(name, "torch", "mlx"))
    environment = ENVIRONMENT | (_xlstm(session) if name == "xlstm" else {})
    pages = [f"tests/conformance/test_{page}.py" for page in (name, "support")]
    paths = [f"plugins/ncps-{name}/tests", *pages, "-k", f"not ({LONG})"]
    session.run("pytest", *PARALLEL, *paths, *session.posargs, env=environment)


def _on(backend: str) -> dict[str, str]:
    """The environment variables of Keras on this back end."""
    # XLA compiles thousands of small layers here, each to run once
    return {"KERAS_BACKEND": backend, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}


def _keras(session: nox.Session, backend: str) -> None:
    """The tests of ncps-keras, and the conformance kit, on one back end of Keras."""
    # with JAX also torch and MLX: they take Keras layers into their models, and one script runs on
    # the arrays of all four
    others = ["torch", "mlx"] if backend == "jax" else []
    solvers = ["diffrax"] if backend == "jax" else []
    session.install(*PINNED, *PYTEST, KERAS[backend], *solvers, *_editable("keras", *others))
    environment = _on(backend) | _original(session)
    folders = ["plugins/ncps-keras/tests", "tests/original/test_keras_files.py"]
    folders += ["tests/mixed"] if others else []
    chosen = [] if backend == "torch" else ["-k", CHOSEN]
    environment |= ENVIRONMENT
    session.run("pytest", *PARALLEL, *folders, *session.posargs, env=environment)
    session.run("pytest", *PARALLEL, "tests/conformance/test_keras.py", *chosen, env=environment)
    here = "keras or jax or page"  # the arrays of the others are tested with their plugins
    session.run("pytest", *PARALLEL, "tests/neural", "-k", here, env=environment)


@nox.session
def conversion(session: nox.Session) -> None:
    """Models that move between the plugins, in one environment that has them all."""
    session.install(*PINNED, *PYTEST, SOLVERS, *_editable(*PLUGINS, extras="[plot]"))
    environment = ENVIRONMENT | _original(session)
    folders = ["tests/conversion", "tests/mixed", "tests/training"]
    session.run("pytest", *PARALLEL, *folders, *session.posargs, env=environment)


@nox.session
def tests_lowest(session: nox.Session) -> None:
    """All tests with the lowest versions that the packages say they work with."""
    lowest = ["-c", "constraints-lowest.txt"]
    others = [name for name in PLUGINS if name not in TYPES]
    session.install(*lowest, *PYTEST, SOLVERS, *_editable(*others, extras="[plot]"))
    # the reference is NumPy's alone; MLX, torch and Keras are the ones that the whole kit has run
    # with, so that a layer of each make shows whether it holds with an old NumPy
    left_out = ["tests/conformance", f"{CORE}/tests/testing/test_numpy.py"]
    without = [f"--ignore={path}" for path in left_out]
    folders = [f"{CORE}/tests", *(f"plugins/ncps-{name}/tests" for name in others), "tests"]
    session.run("pytest", *PARALLEL, *folders, *without, *session.posargs, env=ENVIRONMENT)
    kits = [f"tests/conformance/test_{name}.py" for name in ("mlx", "torch")]
    session.run("pytest", *PARALLEL, *kits, "-k", CHOSEN, env=ENVIRONMENT)
    types = [f"plugins/ncps-{name}/tests" for name in TYPES]
    session.install(*lowest, *_editable(*TYPES))
    session.run("pytest", *PARALLEL, *types, *session.posargs, env=ENVIRONMENT)


@nox.session
def install(session: nox.Session) -> None:
    """What a user does: wheels into new environments, and the README's commands as written."""
    session.install(*PINNED, "pytest", "build")
    folders = ["tests/install", "tests/discovery"]
    session.run("pytest", "-m", "install", *folders, *session.posargs, env=ENVIRONMENT)


@nox.session
def docs(session: nox.Session) -> None:
    """The pages' links, commands and examples."""
    session.install(*PINNED, "pytest")
    page = "tests/install/test_documents.py"
    session.run("pytest", "-m", "install", page, *session.posargs, env=ENVIRONMENT)


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks; each prints the hardware, its baseline and the spread."""
    scripts = sorted((ROOT / "tests" / "benchmarks").glob("bench_*.py"))
    if not scripts:
        session.skip("there are no benchmarks yet")
    session.install(*PINNED, *_editable(*PLUGINS, extras="[plot]"))
    environment = ENVIRONMENT | _original(session) | _xlstm(session)
    for script in scripts:
        session.run("python", str(script), *session.posargs, env=environment)


@nox.session
def support(session: nox.Session) -> None:
    """Write docs/support.md: the whole kit, on every technology.

    With arguments, as in `nox -s support -- torch mlx`, only what is on these frameworks runs anew;
    the rest is what its last run in this work tree left.
    """
    solvers = [SOLVERS, "diffrax"]
    session.install(*PINNED, *KERAS.values(), *solvers, *_editable(*PLUGINS, extras="[plot]"))
    folder = Path(session.create_tmp())
    files = []
    for framework, backend in SUPPORT:
        path = folder / f"{framework}-{backend or 'alone'}.json"
        environment = ENVIRONMENT | ({} if backend is None else _on(backend))
        if not session.posargs or framework in session.posargs or not path.exists():
            new = path.with_suffix(".new")  # a run that was broken off leaves nothing
            with new.open("w") as out:
                session.run("ncps", "verify", framework, "--json", stdout=out, env=environment)
            new.replace(path)
        files.append(str(path) if backend is None else f"{path}:{backend}")
    session.run("python", "tests/conformance/write_support.py", *files)


@nox.session(venv_backend="none")
def demo(session: nox.Session) -> None:
    """The README's first command, as written, in a copy of the work tree."""
    sys.path.insert(0, str(ROOT / "tests" / "install"))
    from documents import command

    copy = Path(session.create_tmp()) / "demo"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFTOVERS))
    session.chdir(copy)
    session.run("bash", "-c", command("first"), external=True)
    session.log("the demo's files are in %s", copy)

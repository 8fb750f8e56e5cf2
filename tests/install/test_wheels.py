"""What a user gets: wheels with all their files, installed by pip into a new environment."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import documents
import pytest

pytestmark = pytest.mark.install

VERSION = re.search(
    r'__version__ = "(.+)"', (documents.ROOT / "ncps-core/src/ncps/__init__.py").read_text()
)[1]
DATA = {
    "ncps": ["ncps/py.typed", "ncps/reference/ncps_plugin.toml", "ncps/training/data/co2.csv"],
    "ncps_hyena": ["ncps_hyena/py.typed", "ncps_hyena/ncps_plugin.toml"],
    "ncps_keras": ["ncps_keras/py.typed", "ncps_keras/ncps_plugin.toml"],
    "ncps_mlx": ["ncps_mlx/py.typed", "ncps_mlx/ncps_plugin.toml"],
    "ncps_torch": ["ncps_torch/py.typed", "ncps_torch/ncps_plugin.toml"],
    "ncps_xlstm": ["ncps_xlstm/py.typed", "ncps_xlstm/ncps_plugin.toml"],
}


def _only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


@pytest.mark.parametrize("name", DATA)
def test_wheel_holds_every_file_of_the_package_and_the_licence(wheels: Path, name: str) -> None:
    wheel = zipfile.ZipFile(_only(wheels, f"{name}-{VERSION}-*.whl")).namelist()
    source = next(documents.ROOT.glob(f"*/src/{name}")) if name == "ncps" else None
    source = source or next(documents.ROOT.glob(f"plugins/*/src/{name}"))
    files = [
        path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    expected = {path.relative_to(source.parent).as_posix() for path in files}
    assert {*DATA[name]} <= expected
    assert expected <= {*wheel}
    assert [path for path in wheel if "/tests/" in path] == []
    for legal in ("LICENSE", "NOTICE"):
        assert any(path.endswith(f".dist-info/licenses/{legal}") for path in wheel)


@pytest.mark.parametrize("name", DATA)
def test_source_distribution_holds_the_data_and_the_tests(wheels: Path, name: str) -> None:
    with tarfile.open(_only(wheels, f"{name}-{VERSION}.tar.gz")) as archive:
        names = {path.partition("/")[2] for path in archive.getnames()}
    assert {f"src/{path}" for path in DATA[name]} <= names
    assert {"LICENSE", "NOTICE", "README.md", "pyproject.toml"} <= names
    assert any(path.startswith("tests/") for path in names)


def test_hyena_without_a_compiler_is_a_pure_wheel(tree: Path, tmp_path: Path) -> None:
    # without what git is to ignore, and with what an editable install has left
    project = shutil.copytree(tree / "plugins" / "ncps-hyena", tmp_path / "project")
    (project / "src" / "ncps_hyena" / "native" / "_operator.so").write_bytes(b"left")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path)]
    done = subprocess.run(
        [*build, str(project)],
        env={**os.environ, "CC": "no-such-compiler"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "built without compiled functions" in done.stdout + done.stderr
    wheel = _only(tmp_path, "*.whl")
    assert wheel.name == f"ncps_hyena-{VERSION}-py3-none-any.whl"
    assert [n for n in zipfile.ZipFile(wheel).namelist() if n.endswith(".so")] == []


@pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no compiler")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="there are no functions for it")
def test_hyena_is_compiled_where_there_is_a_compiler(wheels: Path, with_types) -> None:
    wheel = _only(wheels, f"ncps_hyena-{VERSION}-*.whl")
    assert "-py3-none-any" not in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert {"ncps_hyena/native/_operator.so", "ncps_hyena/native/operator.c"} <= {*names}
    with_types.python("from ncps_hyena import native; native.width()")


def test_every_package_has_the_same_licence_and_notice() -> None:
    for name in ("LICENSE", "NOTICE"):
        text = (documents.ROOT / name).read_text()
        copies = [
            *documents.ROOT.glob(f"ncps-core/{name}"),
            *documents.ROOT.glob(f"plugins/*/{name}"),
        ]
        assert len(copies) == len(DATA)
        assert {copy.read_text() for copy in copies} == {text}


def test_pip_prefers_our_version_although_the_index_has_the_older_ncps(complete, tmp_path) -> None:
    complete.run("pip", "download", "--quiet", "--no-deps", "-d", str(tmp_path), "ncps==1.0.1")
    assert len([*tmp_path.iterdir()]) == 1
    code = "from importlib.metadata import version as v; print(v('ncps'), v('ncps-mlx'))"
    assert complete.python(code).stdout.split() == [VERSION, VERSION]


def test_mlx_extra_brings_the_build_of_mlx_that_this_platform_runs(complete) -> None:
    installed = {
        line["name"] for line in json.loads(complete.run("pip", "list", "--format=json").stdout)
    }
    backend = "mlx-metal" if sys.platform == "darwin" else "mlx-cpu"
    assert {"mlx", backend, "matplotlib", "networkx"} <= installed
    complete.python("import mlx.core as mx; assert mx.sum(mx.ones(3)).item() == 3")


def test_core_alone_brings_no_framework_and_no_plotting(core_only) -> None:
    code = (
        "from importlib.util import find_spec as f;"
        "print([n for n in ('mlx', 'torch', 'keras', 'jax', 'matplotlib', 'ncps_mlx') if f(n)])"
    )
    assert core_only.python(code).stdout.strip() == "[]"


def test_importing_ncps_loads_neither_numpy_nor_plugin_machinery(complete) -> None:
    code = (
        "import sys, ncps;"
        "print([n for n in ('numpy', 'pluggy', 'importlib.metadata', 'tomllib', 'mlx', 'ncps_mlx')"
        " if n in sys.modules])"
    )
    assert complete.run("python", "-I", "-c", code).stdout.strip() == "[]"


def test_both_command_names_print_the_version(complete) -> None:
    assert complete.run("ncps", "--version").stdout.split() == ["ncps", VERSION]
    assert complete.run("python", "-m", "ncps", "--version").stdout.split() == ["ncps", VERSION]


def test_doctor_lists_the_plugin_found_by_its_entry_point(complete) -> None:
    report = complete.run("ncps", "doctor", "--json").stdout
    assert json.loads(report)
    assert "ncps-mlx" in report
    assert "ncps-mlx" not in complete.run("ncps", "doctor").stderr


def test_layer_from_the_wheel_is_a_native_mlx_module(complete) -> None:
    code = (
        "import ncps, mlx.core as mx, mlx.nn as nn;"
        "cfc = ncps.create('CfC', input_size=2, units=8, seed=0);"
        "y, h = cfc(mx.zeros((3, 5, 2)), timespans=mx.ones((3, 5)));"
        "assert isinstance(cfc, nn.Module); print(y.shape, h.shape)"
    )
    assert complete.python(code).stdout.strip() == "(3, 5, 8) (3, 8)"


def test_layer_types_of_the_extras_are_there_and_bring_no_other_framework(with_types) -> None:
    code = (
        "import json, ncps, numpy as np; from importlib.util import find_spec as f;"
        "options = {'HyenaOperator': {'l_max': 9}, 'mLSTM': {'units': 8, 'num_heads': 2}};"
        "make = lambda n: ncps.create(n, 'numpy', input_size=4, seed=0, **options[n]);"
        "run = lambda n: make(n)(np.ones((2, 9, 4)));"
        "print(json.dumps([run('HyenaOperator').shape, run('mLSTM')[0].shape,"
        " [n for n in ('torch', 'keras', 'jax', 'einops', 'transformers', 'xlstm') if f(n)]]))"
    )
    shapes = json.loads(with_types.python(code).stdout)
    assert shapes == [[2, 9, 4], [2, 9, 8], []]
    assert with_types.run("ncps", "doctor").returncode == 0


def test_layers_of_the_extras_are_native_modules_of_the_framework_that_is_there(with_types) -> None:
    code = (
        "import ncps, mlx.core as mx, mlx.nn as nn;"
        "hyena = ncps.create('HyenaOperator', input_size=4, l_max=9, seed=0);"
        "xlstm = ncps.create('sLSTM', input_size=4, units=8, seed=0);"
        "assert isinstance(hyena, nn.Module) and isinstance(xlstm, nn.Module);"
        "x = mx.ones((2, 9, 4)); print(hyena(x).shape, xlstm(x)[0].shape)"
    )
    assert with_types.python(code).stdout.strip() == "(2, 9, 4) (2, 9, 8)"


def test_face_without_its_plugin_says_what_to_install(core_only) -> None:
    done = core_only.python("import ncps.mlx", check=False)
    assert done.returncode == 1
    assert "ImportError" in done.stderr or "PluginError" in done.stderr
    assert 'pip install "ncps[mlx]"' in done.stderr
    caught = core_only.python("try: import ncps.mlx\nexcept ImportError: print('caught')")
    assert caught.stdout.strip() == "caught"


def test_core_alone_explains_and_diagnoses(core_only) -> None:
    assert "numpy" in core_only.run("ncps", "explain", "CfC").stdout
    json.loads(core_only.run("ncps", "doctor", "--json").stdout)

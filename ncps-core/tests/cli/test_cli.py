"""The commands, in this process and as a user runs them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ncps
from ncps import registry
from ncps.cli import COMMANDS, main

MANIFEST = """
schema = 1
api = 1
plugin = "cliacme._plugin"
[[technology]]
name = "cliacme"
framework = "clifx"
priority = 9000
layers = {{ Dense = "cliacme.layers:Dense" }}
{extra}
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A plugin that breaks when anything of it is imported; gives its manifest."""
    site = tmp_path / "site"
    for name in ("cliacme", "cliacme-1.0.dist-info"):
        (site / name).mkdir(parents=True)
    for module in ("__init__", "_plugin", "layers"):
        (site / "cliacme" / f"{module}.py").write_text("raise RuntimeError('imported')")
    (site / "cliacme" / "ncps_plugin.toml").write_text(MANIFEST.format(extra=""))
    info = site / "cliacme-1.0.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cliacme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ncps.plugins]\nx = cliacme:ncps_plugin.toml\n")
    for variable in ("NCPS_TECHNOLOGY", "NCPS_PRIORITY", "NCPS_DISCOVER", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(site)
    registry.reload()
    yield site / "cliacme" / "ncps_plugin.toml"
    monkeypatch.undo()
    registry.reload()


def run(*words: str, module: bool = True) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, piped."""
    start = ["-m", "ncps"] if module else ["-c", "import sys, ncps.cli; sys.exit(ncps.cli.main())"]
    return subprocess.run(
        [sys.executable, "-W", "error", *start, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"ncps {ncps.__version__}\n"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out.replace("\n    technologies\n", "\n    technologies ")
    assert [name for name in COMMANDS if f"\n    {name} " not in text] == []


@pytest.mark.parametrize("words", [[], ["doctr"], ["explain"], ["doctor", "--jsn"]])
def test_wrong_use_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: ncps" in capsys.readouterr().err


def test_technologies_lists_layers_and_availability(
    plugin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin.write_text(MANIFEST.format(extra='requires = ["absent_module"]'))
    assert main(["technologies"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "cliacme" in line)
    assert row.split()[:5] == ["cliacme", "clifx", "9000", "cliacme", "1.0"]
    registry.reload()
    assert main(["technologies", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert (first["name"], first["layers"], first["available"]) == ("cliacme", ["Dense"], False)
    assert first["reason"] == "absent_module is not installed"


def test_doctor_shows_technologies_paths_config_and_environment(
    plugin: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "ncps.toml").write_text("deny = []")
    monkeypatch.setenv("NCPS_PRIORITY", "mlx=3")
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"ncps {ncps.__version__}, Python ")
    assert f"config: {tmp_path / 'ncps.toml'}" in text
    assert "NCPS_PRIORITY=mlx=3" in text
    assert f"cliacme 1.0: {plugin}" in text
    assert "no problems found" in text


@pytest.mark.parametrize(
    ("text", "told", "code"),
    [
        ("schema = 7", "cliacme 1.0: {path}: schema: expected 1, got 7", 1),
        (MANIFEST.format(extra="device = ['cpu']"), "Did you mean 'devices'? ", 0),
    ],
)
def test_doctor_shows_problems(
    plugin: Path, text: str, told: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin.write_text(text)
    assert main(["doctor"]) == code
    assert told.format(path=plugin) in capsys.readouterr().out
    registry.reload()
    assert main(["doctor", "--json"]) == code
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["distribution"], problem["path"]) == ("cliacme", str(plugin))


def test_doctor_shows_a_config_that_cannot_be_followed(
    plugin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ncps.toml").write_text("prioritty = 1")
    assert main(["doctor"]) == 1
    assert "Did you mean 'priority'" in capsys.readouterr().out


def test_doctor_with_discovery_off_shows_a_bad_variable_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NCPS_DISCOVER", "0")
    monkeypatch.setenv("NCPS_PRIORITY", "garbage")
    assert main(["doctor"]) == 1
    assert "config: NCPS_PRIORITY expected name=number pairs" in capsys.readouterr().out


def test_what_a_plugin_prints_stays_out_of_the_answer(
    plugin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plugin.parent / "__init__.py").write_text("print('hello')\nraise RuntimeError")
    assert main(["doctor", "--load", "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["problems"]
    assert "hello" in err


def test_text_that_the_terminal_cannot_show_is_escaped(
    plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin.write_text("schema = 'ä'")
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["doctor"]) == 1
    assert b"got '\\xe4'" in out.buffer.getvalue()


def test_explain_prints_the_choice(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "Dense", "--set", "units=3", "--set", "activation=relu"]) == 0
    assert capsys.readouterr().out.startswith("Dense: cliacme on clifx\n")
    assert main(["explain", "Dense", "--framework", "numpy", "--json"]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["named_by"] == "argument (framework='numpy')"


def test_explain_exits_with_1_when_nobody_can(plugin: Path) -> None:
    assert main(["explain", "Dense", "--technology", "hyena"]) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["explain", "Desne"], "unknown layer 'Desne'. Did you mean 'Dense'?"),
        (["explain", "Dense", "--technology", "cliacne"], "Did you mean 'cliacme'?"),
        (["explain", "Dense", "--set", "unitz=3"], "Did you mean 'units'?"),
        (["explain", "Dense", "--set", "units"], "--set expected KEY=VALUE"),
    ],
)
def test_error_is_one_line_on_stderr_and_exit_code_2(
    plugin: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ncps: error: ")
    assert told in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("module", [True, False])
def test_commands_run_in_a_pipe_at_80_columns_without_colour(plugin: Path, *, module: bool) -> None:
    done = run("explain", "Dense", module=module)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    table = done.stdout.split("\n\n")[1]
    assert "cliacme" in table
    assert max(map(len, table.splitlines())) <= 80
    assert run("explain", "Desne", module=module).returncode == 2


@pytest.mark.parametrize("command", ["doctor", "technologies", "explain Dense"])
def test_command_imports_no_plugin_no_framework_and_no_training(plugin: Path, command: str) -> None:
    code = (
        "import sys, ncps.cli\n"
        f"assert ncps.cli.main({command.split()!r}) == 0\n"
        "heavy = {'cliacme', 'ncps_mlx', 'mlx', 'torch', 'keras', 'pluggy', 'ncps.training',\n"
        "    'ncps.cli._train', 'ncps.cli._predict', 'ncps.cli._verify'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_reader_that_stops_early_gets_no_traceback(plugin: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "ncps", "doctor"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")

"""Which files the checkpoint reader takes, and what it says of the others and of options."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import original
import pytest

torch = pytest.importorskip("torch")
if original.PATH is None:
    pytest.skip("ORIGINAL_NCPS is not set", allow_module_level=True)

import ncps  # noqa: E402
from ncps.errors import (  # noqa: E402
    CheckpointWarning,
    FileFormatError,
    ParameterError,
    SpecError,
    UnknownNameError,
)
from ncps_torch.checkpoints import NCPS10  # noqa: E402

ORIGINAL = original.load(original.PATH)
OTHER = ORIGINAL.torch
FEATURES = 5


def saved(state: Any, path: Path) -> Path:
    torch.save(state, path)
    return path


def test_other_layers_are_listed_and_a_prefix_leaves_them_out(tmp_path: Path) -> None:
    model = torch.nn.Module()
    model.rnn, model.norm = OTHER.CfC(FEATURES, 8), torch.nn.LayerNorm(8)
    path = saved(model.state_dict(), tmp_path / "m.pt")
    message = (
        r"also got norm\.weight, norm\.bias\. Layers found under: 'rnn' \(CfC\)\. Pass prefix="
    )
    with pytest.raises(FileFormatError, match=message):
        NCPS10.read(path)
    assert list(NCPS10.read(path, prefix="rnn")) == ["rnn"]
    with pytest.raises(UnknownNameError, match="Did you mean 'rnn'"):
        NCPS10.read(path, prefix="rn")
    with pytest.raises(UnknownNameError, match="unknown option of this checkpoint 'path'"):
        NCPS10.read(path, prefix="rnn", path="other.pt")


def test_pickled_models_are_recognised_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    program = "import sys, torch; from ncps.torch import CfC; torch.save(CfC(5, 8), sys.argv[1])"
    environment = os.environ | {"PYTHONPATH": original.PATH}
    subprocess.run([sys.executable, "-c", program, str(path)], env=environment, check=True)
    assert NCPS10.recognises(path)
    with pytest.raises(FileFormatError, match=r"never loaded .*torch\.save\(model\.state_dict"):
        NCPS10.read(path)


def test_damaged_state_dicts_say_what_is_wrong(tmp_path: Path) -> None:
    state = OTHER.LTC(FEATURES, 8).state_dict()
    odd = state | {"rnn_cell.sparsity_mask": torch.zeros(3, 3)}
    short = {name: value for name, value in state.items() if name != "rnn_cell.mu"}
    cases = [
        (odd, FileFormatError, "got shapes that do not fit each other"),
        (short, ParameterError, r"rnn_cell\.mu: \(8, 8\) != None"),
        ({**state, "epoch": 3}, FileFormatError, r"got other values under \['epoch'\]"),
        ({}, FileFormatError, "expected a state dict, got an empty one"),
        ([state], FileFormatError, "expected a state dict, got a list"),
    ]
    for content, error, message in cases:
        path = saved(content, tmp_path / "m.pt")
        with pytest.raises(error, match=message):
            NCPS10.read(path)


def test_foreign_files_are_not_recognised(tmp_path: Path) -> None:
    plain = saved(torch.nn.Linear(3, 4).state_dict(), tmp_path / "linear.pt")
    ours = tmp_path / "ours.safetensors"
    ncps.save(ncps.create("LTC", technology="numpy", input_size=3, units=4), ours)
    files = {"empty.pt": b"", "text.pt": b"ff1.weight", "bad.safetensors": b"ff1.weight{}" * 9}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for path in (plain, ours, tmp_path / "none.pt", tmp_path, *files):
        assert not NCPS10.recognises(tmp_path / path)
    with pytest.raises(FileFormatError, match="got no liquid layer"):
        NCPS10.read(plain)
    for name in (*files, "none.pt"):
        with pytest.raises(FileFormatError, match="cannot be read"):
            NCPS10.read(tmp_path / name)


def test_options_are_checked(tmp_path: Path) -> None:
    path = saved(OTHER.CfC(FEATURES, 8).state_dict(), tmp_path / "m.pt")
    with pytest.raises(UnknownNameError, match="Did you mean 'activation'"):
        NCPS10.read(path, activatoin="relu")
    with pytest.raises(UnknownNameError, match="ode_unfolds"):
        NCPS10.read(path, ode_unfolds=2)
    with pytest.raises(ParameterError, match=r"CfC expected other tensors \(expected != got\)"):
        NCPS10.read(path, units=9)
    with pytest.raises(SpecError, match="CfC expected no output_dim here"):
        NCPS10.read(path, output_dim=3)


def test_negative_weights_of_a_cell_warn(tmp_path: Path) -> None:
    cell = OTHER.LTCCell(ORIGINAL.wirings.FullyConnected(8), FEATURES)
    with torch.no_grad():
        cell.cm[0] = -0.1
    path = saved(cell.state_dict(), tmp_path / "m.pt")
    with pytest.warns(CheckpointWarning, match=r"negative values in cm\."):
        NCPS10.read(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NCPS10.read(path, implicit_param_constraints=True)

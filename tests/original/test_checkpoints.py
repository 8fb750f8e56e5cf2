"""Files that users of ncps 1.0.1 have become specs and parameters that compute the same."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import original
import pytest

torch = pytest.importorskip("torch")
if original.PATH is None:
    pytest.skip("ORIGINAL_NCPS is not set", allow_module_level=True)

import ncps  # noqa: E402
from ncps import wirings as our_wirings  # noqa: E402
from ncps.canonical import Saved  # noqa: E402
from ncps.errors import (  # noqa: E402
    CheckpointWarning,
    FileFormatError,
    ParameterError,
)
from ncps.testing import TOLERANCES  # noqa: E402
from ncps_torch.checkpoints import NCPS10  # noqa: E402

ORIGINAL = original.load(original.PATH)
BATCH, STEPS, FEATURES = 3, 6, 5
OTHER = ORIGINAL.torch


def wiring(name: str, *sizes: Any) -> Any:
    return getattr(ORIGINAL.wirings, name)(*sizes)


AUTO = ("AutoNCP", 16, 4)
# class, arguments after the input size, options, and those that the tensors do not tell
SEQUENCES: list[tuple[str, tuple[Any, ...], dict[str, Any], set[str]]] = [
    ("CfC", (8,), {}, set()),
    ("CfC", (8,), {"mode": "pure", "backbone_layers": 0}, set()),
    ("CfC", (8,), {"mode": "no_gate", "activation": "relu"}, {"mode", "activation"}),
    ("CfC", (8,), {"mixed_memory": True, "proj_size": 3, "backbone_units": 9}, set()),
    ("CfC", (8,), {"backbone_layers": 3, "backbone_units": 9}, set()),
    ("CfC", (8,), {"return_sequences": False}, {"return_sequences"}),
    ("CfC", (AUTO,), {}, set()),
    ("CfC", (AUTO,), {"mode": "pure", "proj_size": 3, "mixed_memory": True}, set()),
    ("CfC", (("NCP", 10, 10, 8, 6, 6, 4, 6),), {}, set()),
    ("CfC", (("FullyConnected", 8),), {}, set()),
    ("LTC", (8,), {}, set()),
    ("LTC", (AUTO,), {"mixed_memory": True, "input_mapping": "linear"}, set()),
    ("LTC", (("Random", 8, 2, 0.5),), {"ode_unfolds": 2}, {"ode_unfolds"}),
    ("LTC", (("FullyConnected", 8, 3),), {"epsilon": 1e-3}, {"epsilon"}),
    ("LTC", (("NCP", 10, 10, 8, 6, 6, 4, 6),), {"output_mapping": None}, {"output_dim"}),
    (
        "LTC",
        (AUTO,),
        {"implicit_param_constraints": False, "input_mapping": None},
        {"implicit_param_constraints"},
    ),
]


def make(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """An original layer in evaluation mode, its mappings and signs away from their first values."""
    torch.manual_seed(0)
    units = [wiring(*a) if isinstance(a, tuple) else a for a in arguments]
    layer = getattr(OTHER, name)(FEATURES, *units, **options).eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.rand_like(parameter))
    return layer


def reference(layer: Saved) -> Any:
    """The NumPy layer with a spec and parameters that were read."""
    made = ncps.create(layer.spec, technology="numpy")
    ncps.load_parameters(made, layer.parameters)
    return made


def close(got: Any, expected: Any) -> None:
    expected = expected.detach().numpy()
    np.testing.assert_allclose(
        np.asarray(got),
        expected,
        rtol=TOLERANCES["float32"].values["rtol"],
        atol=TOLERANCES["float32"].values["atol"],
    )


def saved(state: Any, path: Path) -> Path:
    torch.save(state, path)
    return path


@pytest.mark.parametrize(("name", "arguments", "options", "untold"), SEQUENCES, ids=str)
def test_sequence_computes_the_same(
    name: str, arguments: Any, options: Any, untold: Any, tmp_path: Path
) -> None:
    layer = make(name, arguments, options)
    path = saved(layer.state_dict(), tmp_path / "layer.pt")
    assert NCPS10.recognises(path)
    told = {n: layer.output_size if n == "output_dim" else options[n] for n in untold}
    read = NCPS10.read(path, **told)
    assert list(read) == [""]
    x, dt = torch.randn(BATCH, STEPS, FEATURES), torch.rand(1, STEPS) + 0.1
    expected, hx = layer(x, timespans=dt)
    y, state = reference(read[""])(x.numpy(), timespans=dt[0].numpy())
    close(y, expected)
    for got, wanted in zip(
        state if isinstance(state, tuple) else (state,),
        hx if isinstance(hx, tuple) else (hx,),
        strict=True,
    ):
        close(got, wanted)


@pytest.mark.parametrize(("name", "arguments", "options", "untold"), SEQUENCES[6:9], ids=str)
def test_given_wiring_is_kept_and_held_against_the_masks(
    name: str, arguments: Any, options: Any, untold: Any, tmp_path: Path
) -> None:
    kind, *sizes = arguments[0]
    path = saved(make(name, arguments, options).state_dict(), tmp_path / "layer.pt")
    ours = getattr(our_wirings, kind)(*sizes)
    spec = NCPS10.read(path, units=ours)[""].spec
    assert type(spec.units) is type(ours)
    other = getattr(our_wirings, kind)(*sizes, seed=7)
    with pytest.raises(ParameterError, match=r"got a wiring with other synapses\. Pass units="):
        NCPS10.read(path, units=other)


def test_circuit_of_an_ltc_comes_with_its_signs(tmp_path: Path) -> None:
    path = saved(make("LTC", (AUTO,), {}).state_dict(), tmp_path / "layer.pt")
    spec = NCPS10.read(path)[""].spec
    ours = our_wirings.AutoNCP(16, 4).built(FEATURES)
    np.testing.assert_array_equal(spec.wiring.adjacency_matrix, ours.adjacency_matrix)
    np.testing.assert_array_equal(
        spec.wiring.sensory_adjacency_matrix, ours.sensory_adjacency_matrix
    )
    assert spec.output_size == 4
    with pytest.raises(ParameterError, match="LTC expected sparsity_mask as in the checkpoint"):
        NCPS10.read(path, units=our_wirings.AutoNCP(16, 4, seed=1))


def test_cells_compute_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    mask = np.random.default_rng(0).integers(0, 2, (FEATURES + 8, 8))
    cells = [
        OTHER.CfCCell(FEATURES, 8, backbone_units=6, backbone_layers=2),
        OTHER.CfCCell(FEATURES, 8, backbone_layers=0, sparsity_mask=mask),
        OTHER.WiredCfCCell(FEATURES, wiring("AutoNCP", 8, 2)),
        OTHER.LTCCell(wiring("AutoNCP", 8, 2), FEATURES),
    ]
    x, h = torch.randn(BATCH, FEATURES), torch.randn(BATCH, 8)
    for cell in cells:
        path = saved(cell.state_dict(), tmp_path / "cell.pth")
        read = NCPS10.read(path)[""]
        assert read.spec.kind == "cell"
        y, state = reference(read)(x.numpy(), h.numpy(), 0.3)
        expected, hx = cell(x, h, torch.tensor(0.3))
        close(y, expected)
        close(state, hx)


class Model(torch.nn.Module):
    """What the examples of ncps 1.0.1 have: a layer and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.Linear(FEATURES, FEATURES)
        self.rnn = make("LTC", (AUTO,), {})
        self.cell = OTHER.CfCCell(4, 8)
        self.fc = torch.nn.Linear(4, 2)


@pytest.mark.parametrize("key", [None, "state_dict", "model_state_dict"])
@pytest.mark.parametrize("start", ["", "model."])
def test_model_gives_its_layers_by_their_prefixes(
    key: str | None, start: str, tmp_path: Path
) -> None:
    model = Model()
    state = {start + name: value for name, value in model.state_dict().items()}
    path = saved(state if key is None else {key: state, "epoch": 3}, tmp_path / "m.ckpt")
    assert NCPS10.recognises(path)
    read = NCPS10.read(path, activation="tanh", ode_unfolds=2)
    names = ("encoder", "rnn", "cell", "fc")
    assert list(read) == [start + name for name in names]
    specs = [layer.spec for layer in read.values()]
    assert [s.layer for s in specs] == ["Dense", "LTC", "CfCCell", "Dense"]
    assert (specs[0].activation, specs[1].ode_unfolds, specs[2].activation) == (None, 2, "tanh")
    x = torch.randn(BATCH, 4)
    close(reference(read[f"{start}fc"])(x.numpy()), model.fc(x))
    assert list(NCPS10.read(path, prefix=f"{start}rnn")) == [f"{start}rnn"]


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    layer, path = make("LTC", (AUTO,), {}), tmp_path / "m.safetensors"
    save_file(layer.state_dict(), path)
    assert NCPS10.recognises(path)
    x = torch.randn(BATCH, STEPS, FEATURES)
    close(reference(NCPS10.read(path)[""])(x.numpy())[0], layer(x)[0])


def test_old_format_of_torch_save_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    state = OTHER.CfC(FEATURES, 8).state_dict()
    torch.save(state, path, _use_new_zipfile_serialization=False)
    assert NCPS10.recognises(path)
    assert NCPS10.read(path)[""][0].units == 8


def test_places_of_a_backbone_tell_its_dropout(tmp_path: Path) -> None:
    options = {"backbone_layers": 3, "backbone_units": 7, "backbone_dropout": 0.3}
    layer = make("CfC", (8,), options)
    path = saved(layer.state_dict(), tmp_path / "m.pt")
    with pytest.warns(CheckpointWarning, match="dropout in its backbone whose rate is not in"):
        read = NCPS10.read(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = NCPS10.read(path, backbone_dropout=0.3)
    assert (read[""][0].backbone_dropout, told[""][0].backbone_dropout) == (0.0, 0.3)
    x = torch.randn(BATCH, STEPS, FEATURES)
    for one in (read, told):
        close(reference(one[""])(x.numpy())[0], layer(x)[0])


def test_state_dict_of_ours_needs_its_wiring(tmp_path: Path) -> None:
    from ncps.torch import LTC, CfC

    for kind in (CfC, LTC):
        layer = kind(FEATURES, our_wirings.AutoNCP(16, 4))
        path = saved(layer.state_dict(), tmp_path / "m.pt")
        with pytest.raises(FileFormatError, match="expected sparsity masks, as ncps"):
            NCPS10.read(path)
        read = NCPS10.read(path, units=our_wirings.AutoNCP(16, 4))
        x = torch.randn(BATCH, STEPS, FEATURES)
        close(reference(read[""])(x.numpy())[0], layer(x)[0])

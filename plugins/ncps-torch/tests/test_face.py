"""`ncps.torch`: signatures of ncps 1.0.1, without the original beside it."""

from __future__ import annotations

import pytest
import torch

import ncps
from ncps.errors import ShapeError, SpecError, WiringError
from ncps.testing import TOLERANCES
from ncps.torch import CfC, CfCCell, LSTMCell, WiredCfCCell
from ncps.wirings import AutoNCP


def test_order_of_options_is_that_of_the_original() -> None:
    layer = CfC(4, 6, 3, False, False, True, "no_gate", "relu", 7, 2, 0.1)
    spec = layer.spec
    assert (spec.proj_size, spec.return_sequences, layer.batch_first) == (3, False, False)
    assert (spec.mixed_memory, spec.mode, spec.activation) == (True, "no_gate", "relu")
    assert (spec.backbone_units, spec.backbone_layers, spec.backbone_dropout) == (7, 2, 0.1)
    assert (layer.input_size, layer.state_size, layer.output_size) == (4, 6, 6)


def test_time_first_is_the_transpose() -> None:
    torch.manual_seed(0)
    one, two = CfC(4, 6), CfC(4, 6, batch_first=False)
    two.load_state_dict(one.state_dict())
    x, dt = torch.randn(3, 7, 4), torch.rand(3, 7)
    y, h = one(x, timespans=dt)
    swapped, h2 = two(x.transpose(0, 1), timespans=dt.t())
    torch.testing.assert_close(swapped.transpose(0, 1), y)
    torch.testing.assert_close(h2, h)
    torch.testing.assert_close(two(x[0], timespans=dt[0])[0], y[0])


def test_wiring_is_built_in_place_and_shared_safely() -> None:
    wiring = AutoNCP(12, 3)
    first, second = CfC(4, wiring), CfC(4, wiring)
    assert wiring.is_built()
    assert first.spec.wiring == second.spec.wiring
    with pytest.raises(WiringError):
        CfC(5, wiring)


def test_face_layer_moves_to_another_technology() -> None:
    layer = CfC(4, AutoNCP(12, 3), mixed_memory=True)
    other = ncps.create(
        "CfC", technology="numpy", input_size=4, units=AutoNCP(12, 3), mixed_memory=True
    )
    ncps.load_parameters(other, ncps.parameters(layer))
    x = torch.randn(2, 5, 4)
    expected = torch.from_numpy(other(x.numpy())[0]).float()
    torch.testing.assert_close(layer(x)[0], expected, **TOLERANCES["float32"].values)


def test_free_mask_is_in_the_parameters_that_leave() -> None:
    mask = (torch.arange(10 * 6).reshape(10, 6) % 3 - 1).numpy()
    cell = CfCCell(4, 6, backbone_layers=0, sparsity_mask=mask)
    plain = CfCCell(4, 6, backbone_layers=0)
    ncps.load_parameters(plain, ncps.parameters(cell))
    x, h = torch.randn(2, 4), torch.randn(2, 6)
    torch.testing.assert_close(plain(x, h, 0.5), cell(x, h, 0.5))


def test_wrong_masks_say_what_to_do() -> None:
    with pytest.raises(SpecError, match="expected backbone_layers=0 with a sparsity_mask"):
        CfCCell(4, 6, sparsity_mask=torch.ones(10, 6))
    with pytest.raises(ShapeError, match=r"expected sparsity_mask \(10, 6\), got \(6, 10\)"):
        CfCCell(4, 6, backbone_layers=0, sparsity_mask=torch.ones(6, 10))


def test_cells_take_one_or_each_rows_time() -> None:
    x, cell = torch.randn(3, 4), WiredCfCCell(4, AutoNCP(12, 3))
    h = torch.zeros(3, 12)
    same = cell(x, h, torch.tensor([[0.5]]))
    torch.testing.assert_close(cell(x, h, torch.full((3,), 0.5)), same)
    assert cell.layer_sizes == [len(layer) for layer in _layers(cell)]
    assert same[0].shape == (3, cell.motor_size)


def _layers(cell: WiredCfCCell) -> list[list[int]]:
    wiring = cell.spec.wiring
    assert wiring is not None
    return [list(wiring.get_neurons_of_layer(i)) for i in range(wiring.num_layers)]


def test_memory_opens_its_forget_gate() -> None:
    cell = LSTMCell(4, 6)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
    _, c = cell(torch.zeros(2, 4), (torch.zeros(2, 6), torch.ones(2, 6)))
    torch.testing.assert_close(c, torch.ones(2, 6).sigmoid())

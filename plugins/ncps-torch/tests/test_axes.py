"""Sequentials in which torch's convolutions, channels first, meet what takes features last."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

import ncps
from ncps.errors import ConversionError
from ncps_torch.layers import Flatten
from ncps_torch.natives import TorchNatives

NATIVES = TorchNatives()


def conv() -> nn.Module:
    return nn.Conv1d(3, 4, 3)


def dense() -> nn.Module:
    return nn.Linear(4, 2)


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ((conv(), nn.ReLU(), nn.Flatten(), dense()), ("2",)),
        ((nn.Sequential(conv(), nn.ReLU()), nn.Dropout(0.1), nn.Flatten()), ("2",)),
        ((conv(), nn.Sequential(nn.Sequential(nn.Flatten()), dense())), ("1", "0", "0")),
    ],
)
def test_flatten_behind_a_convolution_says_that_channels_come_first(parts, path):
    module = nn.Sequential(*parts)
    for name in path:
        module = NATIVES.children(module)[name]
    assert isinstance(module, Flatten)
    assert module.spec.channels_first
    again = NATIVES.assemble("sequential", NATIVES.children(nn.Sequential(*parts)))
    kinds = [type(m) for m in nn.Sequential(*parts).modules()]
    assert [type(m) for m in again.modules()] == kinds


@pytest.mark.parametrize(
    "parts", [(nn.Flatten(), dense()), (dense(), nn.Flatten()), (nn.LSTM(3, 4), nn.Flatten())]
)
def test_flatten_elsewhere_stays_as_it_is(parts):
    module = nn.Sequential(*parts)
    assert all(a is b for a, b in zip(NATIVES.children(module).values(), parts, strict=True))


def test_parts_of_a_nested_sequential_follow_each_other_alone():
    inner = nn.Sequential(conv(), nn.Flatten(), dense())
    assert NATIVES.children(nn.Sequential(nn.MaxPool1d(2), inner))["1"] is inner


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((conv(), dense()), "got a Linear, whose features are on the last axis, behind it"),
        ((dense(), nn.ReLU(), conv()), "got a Conv1d, whose features are on the second axis"),
        ((conv(), nn.Sequential(nn.ReLU(), dense())), "got a Linear, whose features"),
        (
            (conv(), ncps.create("Dense", technology="torch", input_size=4, units=2)),
            "got a Dense, whose features are on the last axis, behind it",
        ),
    ],
)
def test_features_on_another_axis_than_a_part_takes_are_refused(parts, message):
    with pytest.raises(ConversionError, match=re.escape(message)):
        NATIVES.children(nn.Sequential(*parts))
    with pytest.raises(ConversionError, match=re.escape(message)):
        NATIVES.assemble("sequential", {str(i): part for i, part in enumerate(parts)})


def test_model_is_not_made_with_a_flatten_of_the_other_order():
    last = ncps.create("Flatten", technology="torch")
    for flatten in (last, nn.Flatten()):
        with pytest.raises(ConversionError, match="got a Flatten of channels that come last"):
            NATIVES.assemble("sequential", {"a": conv(), "b": flatten})


def test_batch_norm_of_features_goes_anywhere():
    for parts in ((dense(), nn.BatchNorm1d(2)), (conv(), nn.BatchNorm1d(4), nn.MaxPool1d(2))):
        assert list(NATIVES.children(nn.Sequential(*parts)).values()) == list(parts)


def test_flatten_with_channels_first_is_torchs_on_the_moved_axes():
    x = torch.randn(2, 3, 5, 4)
    layer = ncps.create("Flatten", technology="torch", channels_first=True)
    assert torch.equal(layer(x.movedim(1, -1)), nn.Flatten()(x))

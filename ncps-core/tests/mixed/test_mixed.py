"""What needs no framework: the way of arguments through a crossing, and refusals."""

from __future__ import annotations

from typing import Any

import pytest

import ncps
from ncps import mixed
from ncps.errors import MixedError


class Array:
    """What the test calls an array."""


def is_array(value: Any) -> bool:
    return isinstance(value, Array)


def test_arrays_leave_a_call_and_come_back_to_their_places() -> None:
    x, h, c, dt = (Array() for _ in range(4))
    call = ((x, (h, c)), {"timespans": dt, "mask": None, "training": True, "more": [x, 2.5]})
    arrays, pattern = mixed.flatten(call, is_array)
    assert arrays == [x, h, c, dt, x]
    assert mixed.rebuild(pattern, arrays) == call
    swapped = mixed.rebuild(pattern, ["x", "h", "c", "dt", "again"])
    assert swapped[0] == ("x", ("h", "c"))
    assert swapped[1] == {
        "timespans": "dt",
        "mask": None,
        "training": True,
        "more": ["again", 2.5],
    }


def test_request_puts_operands_where_parameters_and_arguments_belong() -> None:
    arrays, pattern = mixed.flatten((("x",), {"state": "h"}), lambda v: isinstance(v, str))
    request = mixed.Request({"kernel": "W"}, arrays, pattern, [True, False, True], training=True)
    assert request.operands == ["W", "x", "h"]
    assert request.chosen == [0, 2]
    assert request.split([1, 2, 3]) == ({"kernel": 1}, (2,), {"state": 3})


@pytest.mark.parametrize("host", ["torch", "mlx"])
def test_layer_without_gradients_is_refused(host: str) -> None:
    layer = ncps.create("Dense", technology="numpy", input_size=3, units=2, seed=0)
    with pytest.raises(MixedError, match=f"Dense on numpy has no gradients.*{host}"):
        mixed.wrap(layer, host)


def test_what_is_no_layer_is_refused() -> None:
    with pytest.raises(MixedError, match="expected a layer made by ncps, got object"):
        mixed.wrap(object(), "torch")

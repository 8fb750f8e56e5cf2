"""The hand-written LTC scan and sums of synapses agree with their plain twins, at awkward sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import ncps
from ncps.wirings import AutoNCP, FullyConnected
from ncps_torch.kernels import (
    Links,
    LTCScan,
    Synapses,
    SynapseSums,
    ltc_forward,
    ltc_plain,
    synapse_sums,
)
from ncps_torch.kernels import _chunks as chunks
from ncps_torch.kernels._links import Bag

# T, B, I, H
SIZES = [(1, 1, 1, 1), (31, 3, 1, 33), (32, 1, 31, 32), (33, 2, 65, 31), (65, 5, 7, 3)]
UNFOLDS = 3


class Case:
    """Random float64 tensors; `density` is the share of the synapses that there are."""

    def __init__(self, sizes: tuple[int, int, int, int], density: float, tail: bool) -> None:
        self._generator = torch.Generator().manual_seed(0)
        T, B, sources, H = sizes
        sources = H if tail else sources
        self.links = Links(self.tensor(sources, H) < density, tail)
        S = self.links.count
        w, sigma, mu, erev = self.tensor(S), 2 * self.tensor(S), self.tensor(S), self.tensor(S)
        self.table = torch.stack([w, sigma, mu, erev - 0.5]).requires_grad_()
        self.inputs = self.tensor(T, B, sources).requires_grad_()
        self.given = [self.tensor(T, B, H).requires_grad_() for _ in range(2)]
        self.v = self.tensor(B, H).requires_grad_()
        self.c = (self.tensor(H) + 0.1).requires_grad_()
        # some steps take no time
        self.dt = self.tensor(T, B, 1)
        self.dt = torch.where(self.dt < 0.2, 0.0, self.dt).requires_grad_()

    def tensor(self, *shape: int) -> Tensor:
        """Uniform in [0, 1)."""
        return torch.rand(shape, generator=self._generator, dtype=torch.float64)

    def synapses(self) -> Synapses:
        return Synapses(*map(self.links.spread, self.table.unbind(0)))

    def flat(self, time: str) -> tuple[Tensor | None, ...]:
        dt = {"none": None, "all": self.dt[:, :1, :1], "each": self.dt}[time]
        return (self.table, self.c, *self.given, self.v, dt)

    def twin(self, table: Tensor, c: Tensor, d: Tensor, q: Tensor, v: Tensor, dt: Any) -> Tensor:
        time = v.new_ones(()) if dt is None else dt
        return ltc_plain(self.synapses(), UNFOLDS, (d, q), v, c, time)


def results(function: Callable[..., Any], wanted: list[Tensor]) -> tuple[Any, tuple[Tensor, ...]]:
    outputs = function()
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    losses = (y * torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view_as(y) for y in outputs)
    loss = sum(one.sum() * (i + 1) for i, one in enumerate(losses))
    return outputs, torch.autograd.grad(loss, wanted, allow_unused=True)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("density", [0.0, 0.3, 1.1])
@pytest.mark.parametrize("time", ["none", "all", "each"])
def test_scan_agrees_with_twin(
    sizes: tuple[int, int, int, int], density: float, time: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # several chunks, the last one shorter, which cut through steps
    monkeypatch.setattr(chunks, "CHUNK", 30000)
    case = Case(sizes, density, tail=True)
    flat = case.flat(time)
    wanted = [*flat[:-1], *([case.dt] if time != "none" else [])]
    expected = results(lambda: case.twin(*flat), wanted)
    got = results(lambda: LTCScan.apply(case.links, UNFOLDS, *flat), wanted)
    torch.testing.assert_close(got, expected)
    with torch.no_grad():
        torch.testing.assert_close(ltc_forward(case.links, UNFOLDS, *flat), expected[0][0])


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("density", [0.0, 0.3, 1.1])
def test_sums_agree_with_twin(
    sizes: tuple[int, int, int, int], density: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 30000)
    case = Case(sizes, density, tail=False)
    wanted = [case.table, case.inputs]
    expected = results(lambda: case.synapses()(case.inputs), wanted)
    got = results(lambda: SynapseSums.apply(case.links, case.table, case.inputs), wanted)
    torch.testing.assert_close(got, expected)
    with torch.no_grad():
        sums = synapse_sums(case.links, case.table, case.inputs)
    torch.testing.assert_close(sums, expected[0])


def test_no_time_leaves_the_state_exactly() -> None:
    case = Case((5, 3, 4, 4), 0.5, tail=True)
    flat = (*case.flat("none")[:-1], torch.zeros(5, 3, 1, dtype=torch.float64))
    with torch.no_grad():
        states = ltc_forward(case.links, UNFOLDS, *flat)
    torch.testing.assert_close(states, case.v.expand_as(states), rtol=0, atol=0)


@pytest.mark.parametrize("time", ["none", "all", "each"])
def test_numeric_derivatives_of_scan_agree_twice(time: str) -> None:
    case = Case((2, 2, 2, 2), 0.7, tail=True)
    flat = tuple(None if t is None else t.detach().requires_grad_() for t in case.flat(time))

    def scan(*tensors: Tensor | None) -> Tensor:
        return LTCScan.apply(case.links, 2, *tensors)

    assert torch.autograd.gradcheck(scan, flat)
    assert torch.autograd.gradgradcheck(scan, flat)


def test_numeric_derivatives_of_sums_agree_twice() -> None:
    case = Case((2, 2, 3, 2), 0.7, tail=False)

    def sums(*tensors: Tensor) -> Any:
        return SynapseSums.apply(case.links, *tensors)

    assert torch.autograd.gradcheck(sums, (case.table, case.inputs))
    assert torch.autograd.gradgradcheck(sums, (case.table, case.inputs))


class Count(TorchDispatchMode):
    """Counts the operations that run, views left out."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.operations += not func.is_view
        return result


def test_unfold_takes_seven_operations() -> None:
    case = Case((4, 3, 5, 5), 0.5, tail=True)
    counts = []
    for unfolds in (1, 2):
        with torch.no_grad(), Count() as count:
            ltc_forward(case.links, unfolds, *case.flat("none"))
        counts.append(count.operations)
    assert counts[1] - counts[0] == 4 * 7


def test_nothing_of_the_size_of_the_synapses_is_kept() -> None:
    case = Case((4, 3, 20, 20), 1.1, tail=True)
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        LTCScan.apply(case.links, UNFOLDS, *case.flat("none"))
    unfolds = 4 * UNFOLDS
    # the v with their row of ones are the largest; the table itself does not grow with B
    assert max(kept) == max((unfolds + 1) * 21 * 3, 4 * case.links.count)


def test_neuron_without_capacity_and_time_stays_where_it_is() -> None:
    layer = ncps.create(
        "LTC",
        framework="torch",
        input_size=2,
        units=FullyConnected(3),
        implicit_param_constraints=False,
    )
    values = dict(ncps.parameters(layer))
    ncps.load_parameters(layer, values | {"cm": 0 * values["cm"]})
    v = torch.ones(1, 3, requires_grad=True)
    _, last = layer(torch.ones(1, 4, 2), v, timespans=0.0)
    torch.testing.assert_close(last, v, rtol=0, atol=0)
    (gradient,) = torch.autograd.grad(last.sum(), v)
    torch.testing.assert_close(gradient, torch.ones_like(v), rtol=0, atol=0)


@pytest.mark.parametrize(
    "options",
    [{"units": 4}, *({"units": AutoNCP(12, 4, seed=0), "mixed_memory": m} for m in (False, True))],
    ids=["full", "wired", "mixed memory"],
)
def test_no_rows_take_no_sums_over_lists(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # torch's own go astray there, now and then, by what lies in memory
    def refused(*_: Any) -> None:
        raise AssertionError("a list of synapses was summed")

    monkeypatch.setattr(Bag, "__call__", refused)
    layer = ncps.create("LTC", framework="torch", input_size=3, seed=0, **options)
    assert layer(torch.zeros(0, 9, 3))[0].shape == (0, 9, 4)
    with pytest.raises(AssertionError, match="a list of synapses"):
        layer(torch.zeros(64, 9, 3))

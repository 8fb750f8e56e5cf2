"""The hand-written LTC scan and sums of synapses agree with their plain twins, at awkward sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import ncps
from ncps.testing import TOLERANCES
from ncps.wirings import AutoNCP, FullyConnected
from ncps_torch import ops
from ncps_torch.kernels import (
    STAGES,
    Explicit,
    ExplicitScan,
    Links,
    LTCScan,
    Synapses,
    SynapseSums,
    explicit_forward,
    ltc_forward,
    ltc_plain,
    ltc_solved,
    synapse_sums,
)
from ncps_torch.kernels import _chunks as chunks
from ncps_torch.kernels._links import Bag
from ncps_torch.ops import _ltc as ways
from ncps_torch.ops._solvers import solver_of

# T, B, I, H
SIZES = [(1, 1, 1, 1), (31, 3, 1, 33), (32, 1, 31, 32), (33, 2, 65, 31), (65, 5, 7, 3)]
UNFOLDS = 3


class Case:
    """Random float64 tensors; `density` is the share of the synapses that there are.

    An explicit solver needs a small `scale` of w, d and q.
    """

    def __init__(
        self, sizes: tuple[int, int, int, int], density: float, tail: bool, scale: float = 1.0
    ) -> None:
        self._generator = torch.Generator().manual_seed(0)
        T, B, sources, H = sizes
        sources = H if tail else sources
        self.links = Links(self.tensor(sources, H) < density, tail)
        S = self.links.count
        w, sigma, mu, erev = (
            scale * self.tensor(S),
            2 * self.tensor(S),
            self.tensor(S),
            self.tensor(S),
        )
        self.table = torch.stack([w, sigma, mu, erev - 0.5]).requires_grad_()
        self.inputs = self.tensor(T, B, sources).requires_grad_()
        self.given = [(scale * self.tensor(T, B, H)).requires_grad_() for _ in range(2)]
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

    def solved(self, method: Explicit, d: Tensor, q: Tensor, v: Tensor, dt: Any) -> Tensor:
        """By the solver that the core has: N steps of Δt each."""
        time = method.unfolds * (v.new_ones(()) if dt is None else dt)
        return ltc_solved(method.solve, self.synapses(), (d, q), v, v.new_ones(()), time)


def explicit(name: str, unfolds: int = UNFOLDS) -> Explicit:
    return Explicit(STAGES[name], unfolds, solver_of(name, unfolds))


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
@pytest.mark.parametrize(
    ("density", "time", "name"),
    [
        (0.0, "each", "rk4"),
        (0.3, "none", "rk4"),
        (0.3, "all", "rk4"),
        (1.1, "each", "rk4"),
        (0.3, "each", "midpoint"),
        (0.3, "each", "euler"),
    ],
)
def test_explicit_scan_agrees_with_the_core_s_solver(
    sizes: tuple[int, int, int, int],
    density: float,
    time: str,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 30000)
    case, method = Case(sizes, density, tail=True, scale=0.02), explicit(name)
    table, _, *rest = case.flat(time)
    wanted = [table, *rest[:-1], *([case.dt] if time != "none" else [])]
    expected = results(lambda: case.solved(method, *rest), wanted)
    got = results(lambda: ExplicitScan.apply(case.links, method, table, *rest), wanted)
    torch.testing.assert_close(got, expected)
    with torch.no_grad():
        states = explicit_forward(case.links, method, table, *rest)
    torch.testing.assert_close(states, expected[0][0])


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


@pytest.mark.parametrize("name", STAGES)
def test_no_time_leaves_the_state_of_an_explicit_solver_exactly(name: str) -> None:
    case = Case((5, 3, 4, 4), 0.5, tail=True)
    table, _, d, q, v, _ = case.flat("none")
    still = torch.zeros(5, 3, 1, dtype=torch.float64)
    with torch.no_grad():
        states = explicit_forward(case.links, explicit(name), table, d, q, v, still)
    torch.testing.assert_close(states, case.v.expand_as(states), rtol=0, atol=0)


@pytest.mark.parametrize("time", ["none", "all", "each"])
def test_numeric_derivatives_of_scan_agree_twice(time: str) -> None:
    case = Case((2, 2, 2, 2), 0.7, tail=True)
    flat = tuple(None if t is None else t.detach().requires_grad_() for t in case.flat(time))

    def scan(*tensors: Tensor | None) -> Tensor:
        return LTCScan.apply(case.links, 2, *tensors)

    assert torch.autograd.gradcheck(scan, flat)
    assert torch.autograd.gradgradcheck(scan, flat)


@pytest.mark.parametrize(
    ("time", "name"), [("none", "euler"), ("all", "midpoint"), ("each", "rk4")]
)
def test_numeric_derivatives_of_explicit_scan_agree_twice(time: str, name: str) -> None:
    case, method = Case((2, 2, 2, 2), 0.7, tail=True), explicit(name, unfolds=2)
    table, _, *rest = case.flat(time)
    flat = tuple(None if t is None else t.detach().requires_grad_() for t in (table, *rest))

    def scan(*tensors: Tensor | None) -> Tensor:
        return ExplicitScan.apply(case.links, method, *tensors)

    assert torch.autograd.gradcheck(scan, flat)
    assert torch.autograd.gradgradcheck(scan, flat)


def test_numeric_derivatives_of_sums_agree_twice() -> None:
    case = Case((2, 2, 3, 2), 0.7, tail=False)

    def sums(*tensors: Tensor) -> Any:
        return SynapseSums.apply(case.links, *tensors)

    assert torch.autograd.gradcheck(sums, (case.table, case.inputs))
    assert torch.autograd.gradgradcheck(sums, (case.table, case.inputs))


@pytest.mark.parametrize("time", ["none", "all", "each"])
@pytest.mark.parametrize("name", ["semi_implicit", *STAGES])
def test_gradient_of_scan_is_the_same_as_a_graph_of_its_own(name: str, time: str) -> None:
    case = Case((3, 2, 4, 4), 0.7, tail=True, scale=0.1)
    table, c, *rest = case.flat(time)
    if name == "semi_implicit":
        states = LTCScan.apply(case.links, UNFOLDS, table, c, *rest)
    else:
        states = ExplicitScan.apply(case.links, explicit(name), table, *rest)
    wanted = [table, *rest[:-1], *([case.dt] if time != "none" else [])]
    loss = states.square().sum()
    kept, graph = (
        torch.autograd.grad(loss, wanted, retain_graph=True, create_graph=create)
        for create in (False, True)
    )
    torch.testing.assert_close(graph, kept)


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


def test_step_of_rk4_takes_25_operations() -> None:
    case = Case((4, 3, 5, 5), 0.5, tail=True)
    table, _, *rest = case.flat("none")
    counts = []
    for unfolds in (1, 2):
        with torch.no_grad(), Count() as count:
            explicit_forward(case.links, explicit("rk4", unfolds), table, *rest)
        counts.append(count.operations)
    assert counts[1] - counts[0] == 4 * 25


@pytest.mark.parametrize("name", ["semi_implicit", "rk4"])
def test_nothing_of_the_size_of_the_synapses_is_kept(name: str) -> None:
    case = Case((4, 3, 20, 20), 1.1, tail=True)
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    table, c, *rest = case.flat("none")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        if name == "rk4":
            ExplicitScan.apply(case.links, explicit(name), table, *rest)
        else:
            LTCScan.apply(case.links, UNFOLDS, table, c, *rest)
    evaluations = 4 * UNFOLDS * (4 if name == "rk4" else 1)
    # the v with their row of ones are the largest; the table itself does not grow with B
    assert max(kept) == max((evaluations + 1) * 21 * 3, 4 * case.links.count)


@pytest.mark.parametrize(
    ("units", "steps", "rows", "solver", "expected"),
    [
        (AutoNCP(64, 8), 32, 1, "rk4", True),
        (AutoNCP(64, 8), 32, 1, "euler", True),
        (AutoNCP(64, 8), 1, 1, "rk4", False),
        (AutoNCP(64, 8), 1, 32, "rk4", True),
        (AutoNCP(64, 8), 32, 0, "rk4", False),
        (AutoNCP(64, 8), 32, 32, "dopri5", False),
        (FullyConnected(64), 32, 1, "rk4", False),
        (FullyConnected(64), 32, 32, "rk4", True),
    ],
    ids=str,
)
def test_explicit_solver_takes_lists_where_they_pay(
    units: Any, steps: int, rows: int, solver: str, expected: bool
) -> None:
    layer = ncps.create("ELTC", framework="torch", input_size=2, units=units)
    circuit = replace(layer._circuit(torch.float32), solver=solver)
    assert ops.by_lists(circuit, steps, rows) is expected


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("time", [None, 0.05, "each"])
@pytest.mark.parametrize("options", [{"solver": n} for n in STAGES] + [{"mixed_memory": True}])
def test_eltc_by_lists_is_that_by_tables(
    options: dict[str, Any], time: Any, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = ncps.create(
        "ELTC",
        framework="torch",
        input_size=3,
        units=AutoNCP(16, 4),
        seed=0,
        dtype="float64",
        ode_unfolds=40,
        **options,
    )
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 9, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    dt = torch.rand(5, 9, generator=generator, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(5, 9, generator=generator) < 0.6 if masked else None
    wanted = [x, *layer.parameters(), *([dt] if time == "each" else [])]
    found, taken = [], []
    for lists in (True, False):
        monkeypatch.setattr(ways, "by_lists", lambda *_, lists=lists: taken.append(lists) or lists)
        y, v = layer(x, timespans=dt if time == "each" else time, mask=mask)
        loss = (y * torch.linspace(-1, 2, y.numel()).view_as(y)).sum()
        found.append((y, v, torch.autograd.grad(loss, wanted, allow_unused=True)))
    assert set(taken) == {True, False}
    torch.testing.assert_close(*found, **TOLERANCES["float64"].gradients)


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
@pytest.mark.parametrize("name", ["LTC", "ELTC"])
def test_no_rows_take_no_sums_over_lists(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # torch's own go astray there, now and then, by what lies in memory
    def refused(*_: Any) -> None:
        raise AssertionError("a list of synapses was summed")

    monkeypatch.setattr(Bag, "__call__", refused)
    layer = ncps.create(name, framework="torch", input_size=3, seed=0, **options)
    assert layer(torch.zeros(0, 9, 3))[0].shape == (0, 9, 4)
    with pytest.raises(AssertionError, match="a list of synapses"):
        layer(torch.zeros(64, 9, 3))

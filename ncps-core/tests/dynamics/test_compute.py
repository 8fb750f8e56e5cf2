"""`LiquidCompute`: single steps that are the reference's."""

from __future__ import annotations

import numpy as np
import pytest

from ncps import specs
from ncps.conversion.tolerances import TOLERANCES
from ncps.dynamics import LiquidCompute, functions_of
from ncps.errors import ShapeError
from ncps.reference import run

EXACT = TOLERANCES["float64"].values
RNG = np.random.default_rng(6)
X, V = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 4))
DT = np.array([[0.0], [0.5], [2.0]])


def test_cfc_step_is_the_layer_s_update() -> None:
    spec = specs.CfCCell(input_size=2, units=4, backbone_layers=0)
    p = spec.initial_parameters(1)
    z = np.concatenate([X, V], axis=1)
    heads = [
        z @ p[f"{head}.kernel"] + p[f"{head}.bias"] for head in ("ff1", "ff2", "time_a", "time_b")
    ]
    _, expected = run(spec, p, X, V, DT[:, 0])
    np.testing.assert_allclose(LiquidCompute.cfc(*heads, DT), expected, **EXACT)


def test_synapses_and_ltc_steps_make_up_the_layer() -> None:
    options = {"implicit_param_constraints": False, "epsilon": 0.0, "ode_unfolds": 3}
    spec = specs.LTCCell(input_size=2, units=4, input_mapping=None, **options)
    p = {name: a.astype(float) for name, a in spec.initial_parameters(1).items()}

    def sums(prefix: str, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return LiquidCompute.synapses(
            sources, *(p[prefix + name] for name in ("w", "mu", "sigma", "erev"))
        )

    v, (given, held) = V, sums("sensory_", X)
    for _ in range(3):
        drive, conductance = sums("", v)
        drive = drive + given + p["gleak"] * p["vleak"]
        v = LiquidCompute.ltc(v, drive, conductance + held + p["gleak"], p["cm"], DT / 3)
    _, expected = run(spec, p, X, V, DT[:, 0])
    np.testing.assert_allclose(v, expected, **EXACT)


def test_ctrnn_step_is_the_layer_s() -> None:
    spec = specs.CTRNNCell(input_size=2, units=4, ode_unfolds=1)
    p = spec.initial_parameters(1) | {"log_tau": np.linspace(-1, 1, 4)}
    drive = np.tanh(X @ p["kernel"] + V @ p["recurrent_kernel"] + p["bias"])
    _, expected = run(spec, p, X, V, DT[:, 0])
    got = LiquidCompute.ctrnn(V, drive, np.exp(p["log_tau"]), DT)
    np.testing.assert_allclose(got, expected, **EXACT)


@pytest.mark.parametrize("tau", [2.0, np.array([0.1, 1.0, 2.0, 30.0])], ids=["one", "each"])
@pytest.mark.parametrize("dt", [0.5, DT], ids=["one", "each"])
def test_decay_is_exponential(tau: object, dt: object) -> None:
    np.testing.assert_allclose(LiquidCompute.decay(V, tau, dt), V * np.exp(-dt / tau), **EXACT)


def test_no_array_has_no_functions() -> None:
    with pytest.raises(ShapeError, match="expected an array of jax, mlx, numpy, tensorflow, torch"):
        functions_of("text")

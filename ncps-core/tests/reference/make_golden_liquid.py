"""Writes golden_ltc.npz and golden_torch.npz: what LTC of ncps 1.0.1 and torch's layers compute.

Needs an environment of its own, because the import names clash:
``pip install torch ncps==1.0.1``, then ``python make_golden_liquid.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from ncps.torch import LTC
from ncps.wirings import AutoNCP, FullyConnected, Random

B, T, D = 3, 5, 4
NCP = ("AutoNCP", {"units": 12, "output_size": 3, "seed": 7})
EXPLICIT = {"implicit_param_constraints": False}
LTC_CASES = {
    "units": {"units": 6},
    "ncp": {"units": NCP},
    "full": {"units": ("FullyConnected", {"units": 7, "output_dim": 2})},
    "no_self": {"units": ("FullyConnected", {"units": 5, "self_connections": False})},
    "random": {"units": ("Random", {"units": 9, "output_dim": 4, "sparsity_level": 0.6})},
    "linear": {"units": NCP, "input_mapping": "linear", "output_mapping": "linear"},
    "unmapped": {"units": NCP, "input_mapping": None, "output_mapping": None},
    "explicit": {"units": NCP, **EXPLICIT},
    "explicit_full": {"units": 5, "input_mapping": "linear", "output_mapping": None, **EXPLICIT},
    "one_unfold": {"units": NCP, "ode_unfolds": 1, "epsilon": 0.01},
    "many_unfolds": {"units": 4, "ode_unfolds": 11, **EXPLICIT},
    "memory": {"units": NCP, "mixed_memory": True},
    "explicit_memory": {"units": 5, "mixed_memory": True, **EXPLICIT},
    "last": {"units": NCP, "return_sequences": False},
}
TORCH_CASES = {
    "rnn": ("RNN", {}),
    "rnn_relu": ("RNN", {"nonlinearity": "relu", "bias": False}),
    "rnn_composed": ("RNN", {"num_layers": 2, "bidirectional": True}),
    "gru": ("GRU", {}),
    "gru_unbiased": ("GRU", {"bias": False}),
    "gru_layers": ("GRU", {"num_layers": 3}),
    "gru_composed": ("GRU", {"num_layers": 2, "bidirectional": True}),
    "lstm": ("LSTM", {}),
    "lstm_unbiased": ("LSTM", {"bias": False, "num_layers": 2}),
    "lstm_composed": ("LSTM", {"num_layers": 2, "bidirectional": True}),
}
WIRINGS = {"AutoNCP": AutoNCP, "FullyConnected": FullyConnected, "Random": Random}


def run_ltc(options: dict) -> dict[str, np.ndarray]:
    """Weights, inputs and outputs of one LTC, a time step of its own for each step."""
    options = {"implicit_param_constraints": True, **options}
    if isinstance(options["units"], tuple):
        name, config = options["units"]
        options["units"] = WIRINGS[name](**config)
    model = LTC(D, **options)
    signs = {f"signs.{n}": getattr(model.rnn_cell, n).clone() for n in ("erev", "sensory_erev")}
    move(model, negative=options["implicit_param_constraints"])
    x, h = torch.randn(B, T, D), torch.randn(B, model.state_size)
    state = (h, torch.randn(B, model.state_size)) if options.get("mixed_memory") else h
    # 1.0.1 takes one Δt per step for the whole batch only
    timespans = torch.rand(T) * 3 + 0.01
    with torch.no_grad():
        y, last = model(x, state, timespans.expand(1, T))
    names = (n for n, _ in model.named_parameters() if "sparsity" not in n)
    weights = {n: dict(model.named_parameters())[n] for n in names}
    return arrays(weights, x, timespans, state, y, last, **signs)


def move(model: torch.nn.Module, negative: bool) -> None:
    """Move all parameters off their first values; constrained ones below 0 only if `negative`."""
    for name, parameter in model.named_parameters():
        constrained = name.split(".")[-1] in ("gleak", "cm", "w", "sensory_w")
        if parameter.requires_grad:
            parameter.data += torch.randn_like(parameter) * 0.4
            if constrained and not negative:
                parameter.data.abs_()


def run_torch(layer: str, options: dict) -> dict[str, np.ndarray]:
    """Weights, inputs and outputs of one torch.nn layer from a state of its own."""
    model = getattr(torch.nn, layer)(D, 6, batch_first=True, **options)
    x = torch.randn(B, T, D)
    count = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    state = tuple(torch.randn(count, B, 6) for _ in range(2 if layer == "LSTM" else 1))
    with torch.no_grad():
        y, last = model(x, state if layer == "LSTM" else state[0])
    return arrays(model.state_dict(), x, torch.ones(T), state, y, last)


def arrays(weights, x, timespans, state, y, last, **more) -> dict[str, np.ndarray]:
    """Everything under one flat set of names."""
    states = state if isinstance(state, tuple) else (state,)
    lasts = last if isinstance(last, tuple) else (last,)
    out = {"x": x, "timespans": timespans, "y": y, **more}
    out |= {f"state.{i}": s for i, s in enumerate(states)}
    out |= {f"last.{i}": s for i, s in enumerate(lasts)}
    out |= {f"weights.{k}": v for k, v in weights.items()}
    return {k: v.detach().numpy() for k, v in out.items()}


def write(name: str, cases: dict, results: dict[str, dict[str, np.ndarray]]) -> None:
    """One file with the cases and the arrays of each."""
    out = {"cases": np.array(json.dumps(cases))}
    for case, values in results.items():
        out |= {f"{case}/{k}": v for k, v in values.items()}
    np.savez_compressed(Path(__file__).with_name(name), **out)


if __name__ == "__main__":
    torch.manual_seed(0)
    write("golden_ltc.npz", LTC_CASES, {k: run_ltc(v) for k, v in LTC_CASES.items()})
    write("golden_torch.npz", TORCH_CASES, {k: run_torch(*v) for k, v in TORCH_CASES.items()})

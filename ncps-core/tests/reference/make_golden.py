"""Writes golden_cfc.npz: what CfC of ncps 1.0.1 computes, for `test_original.py`.

Needs an environment of its own, because the import names clash:
``pip install torch ncps==1.0.1``, then ``python make_golden.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from ncps.torch import CfC
from ncps.wirings import NCP, AutoNCP, FullyConnected

B, T, D = 3, 5, 4
CASES = {
    "default": {"units": 6, "backbone_units": 8},
    "pure": {"units": 6, "mode": "pure", "backbone_units": 8},
    "no_gate": {"units": 6, "mode": "no_gate", "backbone_units": 8},
    "no_backbone": {"units": 6, "backbone_layers": 0},
    "deep_silu": {"units": 6, "backbone_layers": 3, "backbone_units": 7, "activation": "silu"},
    "relu": {"units": 5, "backbone_units": 7, "activation": "relu"},
    "gelu": {"units": 5, "backbone_units": 7, "activation": "gelu"},
    "tanh": {"units": 5, "backbone_units": 7, "activation": "tanh"},
    "mixed": {"units": 6, "backbone_units": 8, "mixed_memory": True},
    "projected": {"units": 6, "backbone_units": 8, "proj_size": 2},
    "wired": {"units": ("AutoNCP", {"units": 12, "output_size": 3, "seed": 7})},
    "wired_pure": {"units": ("AutoNCP", {"units": 12, "output_size": 3}), "mode": "pure"},
    "wired_mixed": {
        "units": ("AutoNCP", {"units": 12, "output_size": 3}),
        "mixed_memory": True,
        "proj_size": 2,
        "mode": "no_gate",
    },
    "wired_full": {"units": ("FullyConnected", {"units": 7})},
}
WIRINGS = {"AutoNCP": AutoNCP, "FullyConnected": FullyConnected, "NCP": NCP}


def run_case(options: dict) -> dict[str, np.ndarray]:
    """Weights, inputs and outputs of one CfC, time steps of its own for each step."""
    options = dict(options)
    if isinstance(options["units"], tuple):
        name, config = options["units"]
        options["units"] = WIRINGS[name](**config)
    model = CfC(D, **options)
    x, h = torch.randn(B, T, D), torch.randn(B, model.state_size)
    state = (h, torch.randn(B, model.state_size)) if options.get("mixed_memory") else h
    # 1.0.1 takes one Δt per step for the whole batch only
    timespans = torch.rand(T) * 2
    with torch.no_grad():
        y, last = model(x, state, timespans.expand(1, T))
    states = state if isinstance(state, tuple) else (state,)
    lasts = last if isinstance(last, tuple) else (last,)
    arrays = {"x": x, "timespans": timespans, "y": y}
    arrays |= {f"state.{i}": s for i, s in enumerate(states)}
    arrays |= {f"last.{i}": s for i, s in enumerate(lasts)}
    arrays |= {f"weights.{k}": v for k, v in model.state_dict().items() if "sparsity" not in k}
    return {k: v.numpy() for k, v in arrays.items()}


if __name__ == "__main__":
    torch.manual_seed(0)
    out = {"cases": np.array(json.dumps(CASES))}
    for case, options in CASES.items():
        out |= {f"{case}/{k}": v for k, v in run_case(options).items()}
    np.savez_compressed(Path(__file__).with_name("golden_cfc.npz"), **out)

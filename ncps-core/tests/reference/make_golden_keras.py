"""Writes golden_keras.npz: what CfC and LTC of ncps.keras 1.0.1 compute, for `test_original_keras`.

Needs an environment of its own, because the import names clash:
``pip install keras torch ncps==1.0.1``, then ``KERAS_BACKEND=torch python make_golden_keras.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np

from ncps.keras import LTC, CfC
from ncps.wirings import AutoNCP, FullyConnected, Random

B, T, D = 3, 5, 4
AUTO = ("AutoNCP", {"units": 12, "output_size": 3, "seed": 7})
RANDOM = ("Random", {"units": 7, "output_dim": 2, "sparsity_level": 0.5})
MIXED = {"mixed_memory": True}
# layer, and its options; a plain CfC takes a Δt for each row, which the others could not
CASES = {
    "default": ("CfC", {"units": 6, "backbone_units": 8}),
    "pure": ("CfC", {"units": 6, "mode": "pure", "backbone_units": 8}),
    "no_gate": ("CfC", {"units": 6, "mode": "no_gate", "backbone_units": 8}),
    "deep_silu": (
        "CfC",
        {"units": 6, "backbone_layers": 3, "backbone_units": 7, "activation": "silu"},
    ),
    "relu": ("CfC", {"units": 5, "backbone_units": 7, "activation": "relu"}),
    "gelu": ("CfC", {"units": 5, "backbone_units": 7, "activation": "gelu"}),
    "tanh": ("CfC", {"units": 5, "backbone_units": 7, "activation": "tanh"}),
    "mixed": ("CfC", {"units": 6, "backbone_units": 8, **MIXED}),
    "mixed_pure": ("CfC", {"units": 6, "backbone_units": 8, "mode": "pure", **MIXED}),
    "wired": ("CfC", {"units": AUTO}),
    "wired_pure": ("CfC", {"units": AUTO, "mode": "pure"}),
    "wired_no_gate": ("CfC", {"units": RANDOM, "mode": "no_gate"}),
    "wired_full": ("CfC", {"units": ("FullyConnected", {"units": 7, "output_dim": 3})}),
    "wired_mixed": ("CfC", {"units": AUTO, **MIXED}),
    "ltc": ("LTC", {"units": 6}),
    "ltc_wired": ("LTC", {"units": AUTO, "ode_unfolds": 3, "epsilon": 1e-3}),
    "ltc_linear": ("LTC", {"units": RANDOM, "input_mapping": "linear", "output_mapping": None}),
    "ltc_mixed": ("LTC", {"units": 6, **MIXED}),
    "ltc_wired_mixed": ("LTC", {"units": AUTO, **MIXED}),
}
CLASSES = {"CfC": CfC, "LTC": LTC}
WIRINGS = {"AutoNCP": AutoNCP, "FullyConnected": FullyConnected, "Random": Random}


def run_case(layer: str, options: dict, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Weights, inputs and outputs of one layer."""
    options = dict(options)
    if isinstance(options["units"], tuple):
        name, config = options["units"]
        options["units"] = WIRINGS[name](**config)
    model = CLASSES[layer](**options)
    model.build((B, T, D))
    for weight in model.weights:
        weight.assign(weight + 0.3 * rng.random(weight.shape))
    sizes = model.cell.state_size
    sizes = [sizes] if isinstance(sizes, int) else sizes
    x = rng.standard_normal((B, T, D)).astype(np.float32)
    states = [rng.standard_normal((B, size)).astype(np.float32) for size in sizes]
    plain = layer == "CfC" and isinstance(options["units"], int) and len(sizes) == 1
    timespans = rng.uniform(0.1, 2.0, (B, T)) if plain else np.ones((B, T))
    timespans = timespans.astype(np.float32)
    y, last = [], [keras.ops.convert_to_tensor(s) for s in states]
    for t in range(T):
        at_t = (x[:, t], timespans[:, t]) if plain else x[:, t]
        out, last = model.cell(at_t, last)
        last = list(last) if isinstance(last, (list, tuple)) else [last]
        last = [s[0] if isinstance(s, (list, tuple)) else s for s in last]
        y.append(out)
    arrays = {"x": x, "timespans": timespans, "y": keras.ops.stack(y, axis=1)}
    arrays |= {f"state.{i}": s for i, s in enumerate(states)}
    arrays |= {f"last.{i}": s for i, s in enumerate(last)}
    # a path in the model for each name; the layers' own numbers are of no use
    arrays |= {f"weights.{i}.{w.path}": w for i, w in enumerate(model.weights)}
    return {k: keras.ops.convert_to_numpy(v) for k, v in arrays.items()}


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    out = {"cases": np.array(json.dumps(CASES))}
    for case, (layer, options) in CASES.items():
        arrays = run_case(layer, options, np.random.default_rng(0))
        out |= {f"{case}/{k}": v for k, v in arrays.items()}
    np.savez_compressed(Path(__file__).with_name("golden_keras.npz"), **out)

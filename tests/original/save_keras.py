"""Run by ncps 1.0.1 (`python save_keras.py FOLDER`): models with its Keras layers, and outputs.

It writes NAME.keras, NAME.weights.h5, NAME.h5 and NAME.npy, what the model gives for `x.npy`. Its
mixed memory does not run on JAX, and is left out there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ncps.keras import LTC, CfC
from ncps.wirings import AutoNCP, FullyConnected, Random

FEATURES = 3
LAYERS: dict[str, Any] = {
    "cfc": lambda: CfC(5, backbone_units=6, return_sequences=True),
    "cfc_deep": lambda: CfC(5, backbone_units=6, backbone_layers=2, activation="relu"),
    "cfc_pure": lambda: CfC(5, mode="pure", activation="silu"),
    "cfc_no_gate": lambda: CfC(5, mode="no_gate", activation="tanh"),
    "cfc_mixed": lambda: CfC(5, backbone_units=6, mixed_memory=True),
    "wired": lambda: CfC(AutoNCP(12, 3), return_sequences=True),
    "wired_random": lambda: CfC(Random(7, 2, 0.5), mode="no_gate"),
    "wired_mixed": lambda: CfC(AutoNCP(12, 3), mixed_memory=True),
    "bidirectional": lambda: keras.layers.Bidirectional(CfC(AutoNCP(12, 3))),
    "ltc": lambda: LTC(5, return_sequences=True),
    "ltc_wired": lambda: LTC(AutoNCP(12, 3), ode_unfolds=3),
    "ltc_mixed": lambda: LTC(FullyConnected(5, 2), mixed_memory=True, input_mapping="linear"),
}


def model_of(layer: Any) -> Any:
    """The layer with a head."""
    return keras.Sequential([keras.Input((None, FEATURES)), layer, keras.layers.Dense(2)])


def main(folder: Path) -> None:
    """Write all files."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 6, FEATURES)).astype("float32")
    np.save(folder / "x.npy", x)
    for name, layer in LAYERS.items():
        if keras.config.backend() == "jax" and name.endswith("mixed"):
            continue
        model = model_of(layer())
        model.set_weights([w + 0.2 * rng.random(w.shape) for w in model.get_weights()])
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
        model.save_weights(folder / f"{name}.weights.h5")
        np.save(folder / f"{name}.npy", model.predict(x, verbose=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Files that ncps.keras 1.0.1 wrote load into ours, and compute what they computed there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import original
import pytest

pytest.importorskip("keras")
pytest.importorskip("ncps_keras")
if original.PATH is None:
    pytest.skip("ORIGINAL_NCPS is not set", allow_module_level=True)

import keras

import ncps
from ncps.errors import CheckpointWarning, FileFormatError, UnknownNameError
from ncps.testing import TOLERANCES
from ncps_keras.checkpoints import NCPS10Keras

HERE = Path(__file__).parent
# the layers of save_keras.py
NAMES = [
    "bidirectional",
    "cfc",
    "cfc_deep",
    "cfc_mixed",
    "cfc_no_gate",
    "cfc_pure",
    "ltc",
    "ltc_mixed",
    "ltc_wired",
    "wired",
    "wired_mixed",
    "wired_random",
]
if keras.config.backend() == "jax":  # where 1.0.1 cannot run them
    NAMES = [name for name in NAMES if not name.endswith("mixed")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ncps 1.0.1 wrote, in a process of its own."""
    folder = tmp_path_factory.mktemp("keras")
    assert original.PATH is not None
    environment = {"PYTHONPATH": original.PATH, "KERAS_BACKEND": keras.config.backend()}
    done = subprocess.run(
        [sys.executable, str(HERE / "save_keras.py"), str(folder)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.stem for path in folder.glob("*.keras")) == NAMES
    return folder


def check(model: Any, name: str, folder: Path) -> None:
    y = model.predict(np.load(folder / "x.npy"), verbose=0)
    tolerance = TOLERANCES["float32"].values
    np.testing.assert_allclose(y, np.load(folder / f"{name}.npy"), **tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_keras_file_computes_what_it_computed(name: str, folder: Path) -> None:
    check(keras.models.load_model(folder / f"{name}.keras"), name, folder)


@pytest.mark.parametrize("name", NAMES)
def test_whole_model_in_h5_computes_what_it_computed(name: str, folder: Path) -> None:
    check(keras.models.load_model(folder / f"{name}.h5", compile=False), name, folder)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_reader_gives_layers_that_compute_the_same(name: str, suffix: str, folder: Path) -> None:
    path = folder / f"{name}{suffix}"
    assert NCPS10Keras.recognises(path)
    layers = list(ncps.from_pretrained(path, technology="numpy").values())
    assert layers[0].spec.dialect == "ncps-1.0-keras"
    y, _ = layers[0](np.load(folder / "x.npy"))
    tolerance = TOLERANCES["float32"].values
    np.testing.assert_allclose(layers[1](y), np.load(folder / f"{name}.npy"), **tolerance)


def test_reader_takes_one_layer_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    from ncps.keras import CfC

    parts = [CfC(4, name="rnn", return_sequences=True), keras.layers.GRU(3, name="gru")]
    model = keras.Sequential([keras.Input((None, 3)), *parts])
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileFormatError, match=r"got the layer 'gru', a GRU\. Pass name="):
        NCPS10Keras.read(tmp_path / "m.keras")
    (spec, _, _, _) = NCPS10Keras.read(tmp_path / "m.keras", name="rnn")[""]
    assert spec.dialect == "ncps"
    with pytest.raises(UnknownNameError, match="Did you mean 'rnn'"):
        NCPS10Keras.read(tmp_path / "m.keras", name="rn")
    with pytest.raises(UnknownNameError, match="Did you mean 'name'"):
        NCPS10Keras.read(tmp_path / "m.keras", nam="rnn")
    for other in ("no.keras", "no.h5", "no.txt"):
        (tmp_path / other).write_bytes(b"ncps>CfC")
        assert not NCPS10Keras.recognises(tmp_path / other)
    with pytest.raises(FileFormatError, match="cannot be read as a model of Keras"):
        NCPS10Keras.read(tmp_path / "no.keras")


def test_weights_alone_turn_a_new_layer_to_the_old_dialect(folder: Path) -> None:
    from ncps.keras import LTC, CfC
    from ncps.wirings import AutoNCP

    layers = {
        "cfc": CfC(5, backbone_units=6, return_sequences=True),
        "wired": CfC(AutoNCP(12, 3), return_sequences=True),
        "ltc": LTC(5, return_sequences=True),
        "ltc_wired": LTC(AutoNCP(12, 3), ode_unfolds=3),
    }
    for name, layer in layers.items():
        model = keras.Sequential([keras.Input((None, 3)), layer, keras.layers.Dense(2)])
        path = folder / f"{name}.weights.h5"
        if name.startswith("ltc"):
            model.load_weights(path)
        else:
            with pytest.warns(CheckpointWarning, match="now has dialect='ncps-1.0-keras'"):
                model.load_weights(path)
        check(model, name, folder)


@pytest.mark.skipif("wired_mixed" not in NAMES, reason="1.0.1 has no mixed memory on JAX")
def test_weights_behind_a_memory_need_the_dialect(folder: Path) -> None:
    from ncps.keras import CfC
    from ncps.wirings import AutoNCP

    def model(**options: Any) -> Any:
        layer = CfC(AutoNCP(12, 3), mixed_memory=True, **options)
        return keras.Sequential([keras.Input((None, 3)), layer, keras.layers.Dense(2)])

    path = folder / "wired_mixed.weights.h5"
    with pytest.raises(ValueError, match=r"(?s)MixedMemoryRNN"):
        model().load_weights(path)
    old = model(dialect="ncps-1.0-keras")
    old.load_weights(path)
    check(old, "wired_mixed", folder)

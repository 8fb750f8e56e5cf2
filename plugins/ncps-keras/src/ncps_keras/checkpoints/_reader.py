"""The checkpoint reader of ncps.keras 1.0.1, for `ncps.from_pretrained`."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from ncps import specs
from ncps.canonical import Saved, parameters
from ncps.errors import FileFormatError, unknown
from ncps_keras import ops
from ncps_keras.face._sequence import SequenceFace

# what the config of a model says of each of its layers
_MARK = b"ncps>"


class NCPS10Keras:
    """Whole models that Keras saved, ``.keras`` or ``.h5``, with the layers of ncps.keras.

    The file says everything of a layer: those of ncps 1.0.1 have the dialect ``ncps-1.0-keras``.
    Beside them a model may have Dense layers, and layers without weights, which are left out.
    Files of weights alone say no layers: load them into a model of `ncps.keras`.
    """

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file names a layer of ncps.keras; False for what cannot be read."""
        path = Path(path)
        try:
            if path.suffix == ".keras":
                with zipfile.ZipFile(path) as archive:
                    return _MARK in archive.read("config.json")
            if path.suffix not in (".h5", ".hdf5"):
                return False
            import h5py  # type: ignore[import-untyped]  # as Keras itself does

            with h5py.File(path, "r") as file:
                config = file.attrs.get("model_config", b"")
            return _MARK in (config.encode() if isinstance(config, str) else bytes(config))
        except Exception:  # whatever a foreign file makes a parser of archives say
            return False

    @staticmethod
    def read(path: Path, /, **options: Any) -> dict[str, Saved]:
        """Spec and canonical parameters of each layer, by its name in the model.

        Option: `name` restricts to the layer of that name.

        Raises: FileFormatError for a file that cannot be read, or holds a layer with weights that
        is none of these; UnknownNameError for another name or option.
        """
        name = options.pop("name", None)
        if options:
            raise unknown("option of this checkpoint", next(iter(options)), ["name"])
        try:
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise FileFormatError(f"{path} cannot be read as a model of Keras: {error}") from error
        layers = {layer.name: layer for layer in model.layers}
        if name is not None and name not in layers:
            raise unknown("layer of this model", name, layers)
        wanted = layers if name is None else {name: layers[name]}
        found = dict(_read(path, wanted))
        return found if name is None else {"": found[name]}


def _read(path: Path, layers: dict[str, Any]) -> Iterator[tuple[str, Saved]]:
    for name, layer in layers.items():
        if not layer.weights:
            continue
        if isinstance(layer, SequenceFace):
            yield name, Saved(_called(layer.spec), parameters(layer))
        elif type(layer) is keras.layers.Dense:
            yield name, _dense(layer)
        elif _is_pair(layer):
            yield name, _both(layer)
        else:
            raise FileFormatError(
                f"{path} expected CfC, LTC, Bidirectional around them, and Dense, got the layer "
                f"{name!r}, a {type(layer).__name__}. Pass name= to read one layer."
            )


def _called(spec: Any) -> Any:
    """The spec as `ncps.create` has it: a layer that gives its state too."""
    return replace(spec, return_state=True)


def _dense(layer: Any) -> Saved:
    kernel = ops.to_numpy(layer.kernel)
    activation = layer.activation.__name__
    spec = specs.Dense(
        input_size=kernel.shape[0],
        units=kernel.shape[1],
        activation=None if activation == "linear" else activation,
        use_bias=layer.use_bias,
    )
    values = {"kernel": kernel}
    return Saved(spec, values | {"bias": ops.to_numpy(layer.bias)} if layer.use_bias else values)


def _is_pair(layer: Any) -> bool:
    """Whether it is two of our layers, one for each direction, side by side."""
    return (
        type(layer) is keras.layers.Bidirectional
        and isinstance(layer.forward_layer, SequenceFace)
        and layer.merge_mode == "concat"
        and not layer.forward_layer.go_backwards
    )


def _both(layer: Any) -> Saved:
    """One spec with two directions; a spec's layers share the wiring, and so do these."""
    forward, reverse = layer.forward_layer, layer.backward_layer
    spec = _called(replace(forward.spec, bidirectional=True))
    values: dict[str, Any] = {}
    for name, own in (("forward", forward), ("reverse", reverse)):
        native = own.parameter_map(own.spec).to_canonical(own.cell.get_native())
        values |= {f"stack_0.{name}.{key}": array for key, array in native.items()}
    return Saved(spec, values)

"""The checkpoint reader of ncps 1.0.1, for `ncps.from_pretrained`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ncps import specs
from ncps.canonical import Saved
from ncps.errors import FileFormatError, NcpsError, ParameterError, unknown
from ncps.specs import Spec
from ncps_torch.checkpoints._cfc import cfc_spec
from ncps_torch.checkpoints._files import Arrays, looks_like, read_arrays
from ncps_torch.checkpoints._ltc import ltc_spec
from ncps_torch.checkpoints._masks import where
from ncps_torch.checkpoints._parts import Part, find_parts
from ncps_torch.parameters import composed_map, map_of


class NCPS10:
    """State dicts of ncps 1.0.1's torch layers, and of models that have nn.Linear beside them.

    Files: .pt, .pth, .ckpt as torch.save writes them (weights only, never other pickles), with
    the state dict alone, under "state_dict" or under "model_state_dict"; or .safetensors.

    The tensors tell sizes, backbone, memory, projection, mappings, the mode ``pure``, and the
    circuit: an LTC's with its signs, a wired CfC's from layer to layer, without signs. What they
    do not tell has the default of ncps 1.0.1: activation, the mode ``no_gate``, ode_unfolds,
    epsilon, implicit_param_constraints (True for LTC, False for LTCCell: pass False when your own
    module held an LTCCell as `rnn_cell`), return_sequences, output_dim without an output mapping.
    """

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file seems to be one; reads names only, and never raises."""
        return looks_like(Path(path))

    @staticmethod
    def read(path: Path, /, **options: Any) -> dict[str, Saved]:
        """Spec and canonical parameters of each layer, by its prefix in the state dict.

        Options: `prefix` restricts to the layers under it; `output_dim` is the number of motor
        neurons; all others are options of the liquid layers' specs, each for the layers that
        know it. With `units`, a wiring, the masks are held against it.

        Raises: FileFormatError for a file that is none, UnknownNameError for an unknown option or
        prefix, ParameterError when options and tensors disagree.
        """
        parts = find_parts(read_arrays(Path(path)), options.pop("prefix", None))
        known = {n for part in parts if part.layer != "Dense" for n in _options_of(part)}
        for name in options:
            if name not in known:
                raise unknown("option of this checkpoint", name, {*known, "prefix"})
        return {part.prefix: _read(part, options) for part in parts}


def _options_of(part: Part) -> set[str]:
    return {f.name for f in dataclasses.fields(specs.get(part.layer))} | {"output_dim"}


def _read(part: Part, options: Mapping[str, Any]) -> Saved:
    if part.layer == "Dense":
        weight, bias = part.arrays["weight"], part.arrays["bias"]
        dense = specs.Dense(input_size=weight.shape[1], units=len(weight))
        return Saved(dense, {"kernel": weight.T.copy(), "bias": bias}, own=True)
    given = {name: value for name, value in options.items() if name in _options_of(part)}
    try:
        spec: Spec = (cfc_spec if part.layer.startswith("CfC") else ltc_spec)(part, given)
    except (IndexError, ValueError) as error:
        if isinstance(error, NcpsError):
            raise
        raise FileFormatError(
            f"{where(part)} expected tensors of one layer, got shapes that do not fit each other: "
            f"{error}. Save its state dict again with ncps 1.0.1."
        ) from error
    return Saved(spec, _canonical(part, spec))


def _canonical(part: Part, spec: Spec) -> Arrays:
    """The canonical parameters; ParameterError when the arrays are not those of the spec."""
    rules = composed_map(spec, map_of)
    expected = rules.to_native(dict(spec.initial_parameters(0)))
    wanted = {name: array.shape for name, array in expected.items()}
    got = {name: array.shape for name, array in part.arrays.items()}
    if wanted != got:
        wrong = sorted(n for n in wanted.keys() | got.keys() if wanted.get(n) != got.get(n))
        listing = ", ".join(f"{n}: {wanted.get(n)} != {got.get(n)}" for n in wrong)
        raise ParameterError(
            f"{where(part)} expected other tensors (expected != got): {listing}. Pass the options "
            "that it was made with, or leave out those that the tensors tell."
        )
    return {n: np.ascontiguousarray(a) for n, a in rules.to_canonical(part.arrays).items()}

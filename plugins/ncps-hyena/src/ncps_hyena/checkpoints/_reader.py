"""The reader of HyenaDNA checkpoints, for `ncps.from_pretrained`."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np

from ncps.canonical import Saved, check_parameters
from ncps.errors import FileFormatError, NcpsError, ParameterError, unknown
from ncps_hyena.checkpoints._files import Arrays, looks_like, read_arrays, read_config, weights
from ncps_hyena.checkpoints._layout import HEADS, Part, model_arrays
from ncps_hyena.checkpoints._options import make_spec
from ncps_hyena.specs import HyenaDNA

_AFFINE = r"(?:weight|bias)"
_FILTER = (
    rf"bias|implicit_filter\.\d+\.(?:{_AFFINE}|freq)|pos_emb\.[zt]|modulation\.(?:deltas|shift)"
)
_MIXER = rf"(?:in_proj|out_proj|short_filter)\.{_AFFINE}|filter_fn\.(?:{_FILTER})"
_BLOCK = rf"norm[12]\.{_AFFINE}|mlp\.fc[12]\.{_AFFINE}|mixer\.(?:{_MIXER})"
_KNOWN = re.compile(
    rf"backbone\.(?:embeddings\.word_embeddings\.weight|ln_f\.{_AFFINE}|layers\.\d+\.(?:{_BLOCK}))"
)


class HyenaDNAFiles:
    """Checkpoints of HyenaDNA: of its training code, of its standalone file, of the hub's models.

    A path is a folder with config.json and weights, or a file: .ckpt, .pt, .pth or .bin as
    torch.save writes them (tensors only: no other object in them is ever made), .safetensors, or
    the index of several of these. Neither needs torch.

    The tensors tell sizes, order, head, and whether tables were trained; config.json tells the
    rest. What neither tells has these defaults: shift 0.05 and layout "order", as the standalone
    file and the hub's models compute; pooling "mean", or "last" for the hub's; vocab_size the rows
    of the embedding. For a model that was trained and used with the training code's own layer,
    pass shift=0.0 (and layout="value"). The filter's bias and that of the input projections, which
    a version of the training code leaves out, are 0 where they are not in the file.
    """

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether path seems to be one; reads names only, and never raises."""
        return looks_like(Path(path))

    @staticmethod
    def read(path: Path, /, **options: Any) -> dict[str, Saved]:
        """Spec and canonical parameters of the model.

        Options: those of `HyenaDNA`, over what the file says, and `seed`. ``head=None`` gives the
        features; ``head="classification", classes=…`` puts a new head on a file without one,
        whose first values are drawn with `seed`.

        Raises: FileFormatError for files that are none, UnknownNameError for an unknown option,
        ParameterError when options and tensors disagree.
        """
        known = {*(field.name for field in dataclasses.fields(HyenaDNA)), "seed"}
        for name in options:
            if name not in known:
                raise unknown("option of this checkpoint", name, known)
        path, seed = Path(path), options.pop("seed", 0)
        file = weights(path)
        arrays = read_arrays(file)
        try:
            spec = make_spec(Part(arrays), read_config(path), options)
            _check_known(file, spec, arrays)
            if spec.head == "classification":
                _add_head(spec, arrays, seed)
            values = model_arrays(spec, arrays)
        except KeyError as error:
            raise FileFormatError(f"{file} expected a tensor {error}, got none.") from error
        except NcpsError:
            raise
        except ValueError as error:
            raise ParameterError(
                f"{file} expected tensors with the shapes that its options give, got others: "
                f"{error}. Leave out the options that the tensors tell."
            ) from error
        values = {name: np.ascontiguousarray(array) for name, array in values.items()}
        return {"": Saved(spec, check_parameters(spec, values))}


def _check_known(file: Path, spec: HyenaDNA, arrays: Arrays) -> None:
    """FileFormatError for a tensor of the model that no layer here has."""
    last = f"implicit_filter.{2 * spec.num_inner + 2}.bias"
    model = [name for name in arrays if name.startswith("backbone.")]
    others = [name for name in model if not _KNOWN.fullmatch(name) or name.endswith(last)]
    if others:
        raise FileFormatError(
            f"{file} expected the tensors of a HyenaDNA, also got {', '.join(others[:5])}: it was "
            "made by another version, which computes something else."
        )


def _add_head(spec: HyenaDNA, arrays: Arrays, seed: int) -> None:
    if any(f"{head}.weight" in arrays for head in HEADS):
        return
    first = spec.initial_parameters(seed)
    arrays[f"{HEADS[0]}.weight"] = first["head.kernel"].T
    if spec.head_bias:
        arrays[f"{HEADS[0]}.bias"] = first["head.bias"]

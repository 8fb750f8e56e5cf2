"""How the arrays of normalisations and embeddings relate to the canonical parameters."""

from __future__ import annotations

from ncps.canonical import ParameterMap, Rename
from ncps.specs import Spec

NORM_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
EMBEDDING = ParameterMap((Rename("weight", "embeddings"),))


def norm_map(spec: Spec) -> ParameterMap:
    """A normalisation's arrays as they are, under MLX's names."""
    return ParameterMap(tuple(Rename(NORM_NAMES[p.name], p.name) for p in spec.parameters()))

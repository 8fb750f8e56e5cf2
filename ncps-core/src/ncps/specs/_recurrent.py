"""What cells and sequence layers share: the shapes of their outputs."""

from __future__ import annotations

from ncps.errors import BuildError
from ncps.specs._base import Shape, Spec


def cell_output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """(B, D) → (B, H); (D,) → (H,)."""
    spec.check_features(input_shape, (1, 2), "(B, D) or (D,)")
    return (*input_shape[:-1], _size(spec, input_shape))


def sequence_output_shape(spec: Spec, input_shape: Shape, return_sequences: bool) -> Shape:
    """(B, T, D) → (B, T, H), or (B, H) without `return_sequences`; the same without B.

    Indices (B, T) have no D.
    """
    if spec.indices:
        spec.check_features(input_shape, (1, 2), "(B, T) or (T,)")
        steps = input_shape
    else:
        spec.check_features(input_shape, (2, 3), "(B, T, D) or (T, D)")
        steps = input_shape[:-1]
    return (*(steps if return_sequences else steps[:-1]), _size(spec, input_shape))


def _size(spec: Spec, input_shape: Shape) -> int | None:
    """The features of the output; None where they are the input's, which nobody knows yet."""
    try:
        return spec.with_input_shape(input_shape).output_size
    except BuildError:
        return None

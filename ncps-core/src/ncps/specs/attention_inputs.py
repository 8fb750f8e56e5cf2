"""Checks of the arguments of attention by shape alone, shared by every technology."""

from __future__ import annotations

from ncps.errors import ShapeError, SpecError
from ncps.specs._attention import AttentionSpec
from ncps.specs.inputs import Axes, Sizes, sequence_axes


def context_axes(spec: AttentionSpec, axes: Axes, shape: Sizes) -> Axes:
    """The axes of a context (B, S, D), or (S, D) without a batch, beside those of x.

    Raises: ShapeError when it has another shape, or when the layer is causal or has positions:
    between two sequences there is no order.
    """
    if spec.causal or spec.positions is not None:
        raise ShapeError(
            f"{spec.layer} expected no context, got one of shape {shape}: with "
            f"causal={spec.causal} and positions={spec.positions!r} it compares the steps of one "
            "sequence. Make a layer with causal=False and positions=None for the context."
        )
    expected = "(B, S, D)" if axes.batched else "(S, D)"
    if len(shape) != (3 if axes.batched else 2):
        raise ShapeError(
            f"{spec.layer} expected a context {expected} beside such an x, got {shape}."
        )
    found = sequence_axes(spec, shape)
    if found.batch != axes.batch:
        raise ShapeError(
            f"{spec.layer} expected a context with the {axes.batch} rows of x, got {shape}. "
            "Pass one context for each row."
        )
    return found


def check_context_mask(spec: AttentionSpec, context: Axes | None, shape: Sizes) -> None:
    """ShapeError unless there is a context (B, S, D) and the mask is (B, S), or (S,)."""
    if context is None:
        raise ShapeError(
            f"{spec.layer} expected context_mask beside a context, got it alone. Pass mask for the "
            "steps of x."
        )
    expected = (context.batch, context.steps) if context.batched else (context.steps,)
    if shape != expected:
        raise ShapeError(
            f"{spec.layer} expected context_mask {expected}, got {shape}. "
            "Pass True for each real step of the context and False for each step to hide."
        )


def check_cache(
    spec: AttentionSpec, axes: Axes, keys: Sizes, values: Sizes, real: Sizes | None
) -> None:
    """ShapeError unless a cache is (B, G, S, d), (B, G, S, d) and None or (B, S), B as x has it.

    Raises: SpecError when the layer is not causal: there later steps change earlier ones.
    """
    if not spec.causal:
        raise SpecError(
            f"{spec.layer} expected causal=True for step, got False: every step sees the later "
            "ones. Pass the whole sequence to the layer, or make it with causal=True."
        )
    lead = (axes.batch,) if axes.batched else ()
    steps = keys[-2] if len(keys) > 1 else 0
    wanted = (*lead, spec.key_heads, steps, spec.head_dim)
    masks = (None, (*lead, steps))
    if keys != wanted or values != wanted or real not in masks:
        raise ShapeError(
            f"{spec.layer} expected a state with keys and values {wanted} and real {masks[1]} or "
            f"None, got {keys}, {values} and {real}. Pass the state that step returned, or None to "
            "start."
        )

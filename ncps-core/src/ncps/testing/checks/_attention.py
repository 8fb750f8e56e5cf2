"""Does attention leave masked steps out, and carry a sequence on step by step?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ncps.canonical import Layer, parameters
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import ShapeError, SpecError
from ncps.specs import AttentionCache, AttentionSpec
from ncps.testing._arrays import Array
from ncps.testing._cases import Case
from ncps.testing._check import FEEDFORWARD, check
from ncps.testing._compare import EXACT, close, outputs_close, raises
from ncps.testing._judge import judge
from ncps.testing._subject import Subject
from ncps.testing._variants import first, small
from ncps.testing.checks._values import compare_gradients


@check(cases=small, kinds=FEEDFORWARD, of=AttentionSpec)
def check_attention_masks(subject: Subject, case: Case) -> None:
    """Nothing attends to a masked step: a row is that of its real steps alone."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    inputs["mask"] = case.random_mask(case.rng("mask"))
    bounds = TOLERANCES[layer.dtype].values
    got = subject.call(layer, inputs)
    for row in range(len(got.y)):
        real = inputs["mask"][row]
        alone = subject.call(layer, {"x": inputs["x"][row : row + 1, real]})
        close(f"row {row} beside its real steps alone: y", got.y[row, real], alone.y[0], bounds)


@check(cases=small, kinds=FEEDFORWARD, gradients=True, of=AttentionSpec)
def check_context(subject: Subject, case: Case) -> None:
    """Attention to a context is the reference's; where all of it is hidden, y is the bias."""
    case = case.with_options(causal=False, positions=None)
    layer, inputs = subject.make(case.spec()), case.inputs()
    rng = case.rng("context")
    context = rng.standard_normal((*case.lead[:-1], 5, case.x_shape[-1])).astype(np.float32)
    hidden = rng.random((len(context), 5)) < 0.5
    hidden[0] = False
    bounds = TOLERANCES[layer.dtype].values
    for filler in (0.0, np.nan):
        filled = np.where(hidden[..., None], context, np.float32(filler))
        given = {**inputs, "context": filled, "context_mask": hidden}
        got = subject.call(layer, given)
        outputs_close(got, judge(layer.spec, parameters(layer), given), bounds)
        compare_gradients(subject, layer, case, given)
    empty = subject.call(layer, {**inputs, "context": context[:, :0]})
    close("y of nothing beside y of an empty context", empty.y[0], got.y[0], bounds)


@check(cases=first, kinds=FEEDFORWARD, of=AttentionSpec)
def check_attention_arguments(subject: Subject, case: Case) -> None:
    """A mask, context or cache that does not fit raises, and says what was expected."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    x = inputs["x"]
    real = np.ones(x.shape[:2], dtype=bool)
    wrong: dict[str, dict[str, Any]] = {
        "a mask of too many steps": {"mask": np.ones((len(x), x.shape[1] + 1), bool)},
        "a mask without a batch": {"mask": real[0]},
        "a context of another size": {"context": np.zeros((len(x), 4, x.shape[2] + 1), np.float32)},
        "a context of other rows": {"context": np.concatenate([x, x])},
        "a context without a batch": {"context": x[0]},
        "a context_mask alone": {"context_mask": real},
        "a context_mask of too few steps": {"context": x, "context_mask": real[:, 1:]},
    }
    for what, change in wrong.items():
        raises(ShapeError, lambda c=change: subject.call(layer, {**inputs, **c}), what)  # type: ignore[misc]
    native = subject.native({"x": x, "half": x[:1]}, layer.dtype)
    raises(SpecError, lambda: _step(layer, native["x"]), "a step without causal")
    causal = subject.make(case.spec(causal=True))
    raises(ShapeError, lambda: subject.call(causal, {**inputs, "context": x}), "causal, a context")
    _, state = _step(causal, native["x"])
    raises(ShapeError, lambda: _step(causal, native["half"], state), "the state of another batch")
    swapped = AttentionCache(native["x"], native["x"])
    raises(ShapeError, lambda: _step(causal, native["x"], swapped), "x as a state")


@check(cases=small, kinds=FEEDFORWARD, of=AttentionSpec)
def check_cached_steps(subject: Subject, case: Case) -> None:
    """A causal sequence in pieces, each with the cache of those before, is that of one call."""
    layer = subject.make(case.spec(causal=True))
    inputs = case.inputs()
    masks = {"": None, "masked: ": case.random_mask(case.rng("mask"))}
    late = np.ones(case.lead, dtype=bool)
    late[0, -2:] = False
    for what, mask in {**masks, "masked late: ": late}.items():
        given = inputs if mask is None else {**inputs, "mask": mask}
        whole = subject.call(layer, given)
        for at in (0, 1, case.steps // 2, case.steps - 1):
            some = None if what == "masked late: " and at < case.steps - 2 else mask
            y = _in_pieces(subject, layer, inputs["x"], (some, mask), at)
            close(f"{what}prefill of {at} steps: y", y, whole.y, TOLERANCES[layer.dtype].values)
    _without_batch(subject, layer, inputs["x"][0])


def _in_pieces(
    subject: Subject, layer: Layer, x: Array, masks: tuple[Array | None, ...], at: int
) -> Array:
    """y of `at` steps at once, then of the others one by one; all but the last are run twice."""
    y, state = _run(subject, layer, x[:, :at], None, _cut(masks[0], 0, at))
    outputs = [y]
    for t in range(at, x.shape[1]):
        step = x[:, t : t + 1], state, _cut(masks[1], t, t + 1)
        once, _ = _run(subject, layer, *step)
        again, state = _run(subject, layer, *step)
        close("y of a step from a cache used before", again, once, EXACT)
        outputs.append(again)
    return np.concatenate(outputs, axis=1)


def _without_batch(subject: Subject, layer: Layer, x: Array) -> None:
    whole = subject.call(layer, {"x": x}).y
    one, state = _run(subject, layer, x[:3], None, None)
    two, state = _run(subject, layer, x[3:], state, np.ones(len(x) - 3, dtype=bool))
    bounds = TOLERANCES[layer.dtype].values
    close("without a batch: y", np.concatenate([one, two]), whole, bounds)
    spec: Any = layer.spec
    wanted = (spec.key_heads, len(x), spec.head_dim)
    found = tuple(subject.arrays.numpy(state[0]).shape)
    assert found == wanted, f"expected keys {wanted} in the cache, got {found}"


def _cut(mask: Array | None, start: int, end: int) -> Array | None:
    return None if mask is None else mask[:, start:end]


def _run(
    subject: Subject, layer: Layer, x: Array, state: Any, mask: Array | None
) -> tuple[Array, Any]:
    native = subject.native({"x": x, "mask": mask}, layer.dtype)
    y, new = _step(layer, native["x"], state, native["mask"])
    return subject.arrays.numpy(y), new


def _step(layer: Layer, x: Any, state: Any = None, mask: Any = None) -> tuple[Any, Any]:
    attention: Any = layer
    result: tuple[Any, Any] = attention.step(x, state, mask=mask)
    return result

"""Attention that computes something wrong: the reference with one planted fault each."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ncps.reference import step
from ncps.reference.layers import StreamingLayer
from ncps.specs import AttentionCache
from ncps.testing._arrays import Inputs
from ncps.testing._numpy_adapter import NumpyArrays


class MaskForgotten(StreamingLayer):
    def __call__(self, x: Any, mask: Any = None, **given: Any) -> Any:
        return super().__call__(x, **given)


class MaskedStepsKeepTheirOutput(StreamingLayer):
    def __call__(self, x: Any, mask: Any = None, **given: Any) -> Any:
        y = super().__call__(x, mask=mask, **given)
        return y if mask is None else np.where(np.asarray(mask)[..., None], y, y + 1.0)


class ContextMaskForgotten(StreamingLayer):
    def __call__(self, x: Any, context_mask: Any = None, **given: Any) -> Any:
        return super().__call__(x, **given)


class ContextOfOtherRows(StreamingLayer):
    def __call__(self, x: Any, context: Any = None, **given: Any) -> Any:
        if context is not None and np.ndim(context) == 3:
            context = np.resize(context, (len(x), *np.shape(context)[1:]))
        return super().__call__(x, context=context, **given)


class CacheWithoutOffset(StreamingLayer):
    """Every piece starts at position 0."""

    def step(self, x: Any, state: Any = None, mask: Any = None) -> Any:
        if state is None:
            return super().step(x, state, mask)
        y, new = super().step(x, None, mask)
        joined = [np.concatenate([a, b], axis=-2) for a, b in zip(state[:2], new[:2], strict=True)]
        return y, AttentionCache(*joined, np.concatenate([state.real, new.real], axis=-1))


class NoRowsCannotStep(StreamingLayer):
    def step(self, x: Any, state: Any = None, mask: Any = None) -> Any:
        x[0]
        return super().step(x, state, mask)


class CacheChangedInPlace(StreamingLayer):
    def step(self, x: Any, state: Any = None, mask: Any = None) -> Any:
        result = super().step(x, state, mask)
        if state is not None:
            state.keys[...] *= 2.0
        return result


class MaskCutToFit(StreamingLayer):
    def __call__(self, x: Any, mask: Any = None, **given: Any) -> Any:
        if mask is not None:
            mask = np.resize(mask, np.shape(x)[:-1])
        return super().__call__(x, mask=mask, **given)


class HalfPrecisionSteps(StreamingLayer):
    def step(self, x: Any, state: Any = None, mask: Any = None) -> Any:
        y, new = super().step(x, state, mask)
        return y.astype(np.float32), new


class StateOfOtherRows(StreamingLayer):
    def step(self, x: Any, state: Any = None, mask: Any = None) -> Any:
        if state is not None and np.ndim(x) == 3:
            state = AttentionCache(*(a[: len(x)] for a in state))
        return super().step(x, state, mask)


class StepsAnyway(StreamingLayer):
    def step(self, x: Any, state: Any = None, mask: Any = None) -> Any:
        return step(dataclasses.replace(self.spec, causal=True), self._arrays, x, state, mask)


class StepsWithoutEnd(StreamingLayer):
    """A running sum that forgets how many steps it has seen."""

    def step(self, x: Any, state: Any = None, mask: Any = None) -> Any:
        return super().step(x, state and (0, state[1]), mask)


class GradientThatShouldCancel(NumpyArrays):
    def gradients(self, layer: Any, inputs: Inputs, cotangent: Any) -> Any:
        loss, native, by_input = super().gradients(layer, inputs, cotangent)
        if "key.bias" in native:
            native["key.bias"] = native["key.bias"] + 1e-3
        return loss, native, by_input


class GradientOfMaskedSteps(NumpyArrays):
    def gradients(self, layer: Any, inputs: Inputs, cotangent: Any) -> Any:
        loss, native, by_input = super().gradients(layer, inputs, cotangent)
        if "mask" in inputs:
            skipped = ~np.asarray(inputs["mask"])
            by_input["x"] = by_input["x"] + skipped[..., None]
        return loss, native, by_input

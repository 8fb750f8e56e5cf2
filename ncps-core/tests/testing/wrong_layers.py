"""Layers that compute something wrong: the reference with one planted fault each."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ncps.reference import run
from ncps.reference.layers import ReferenceLayer

Parameters = dict[str, np.ndarray]


class Wrong(ReferenceLayer):
    """The reference; a subclass changes what goes in, what is computed with, or what comes out."""

    def parameters(self, p: Parameters) -> Parameters:
        return p

    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        return {"x": x, **inputs}

    def result(self, result: Any, given: dict[str, Any]) -> Any:
        return result

    def __call__(self, x: Any, *args: Any, **inputs: Any) -> Any:
        if not self.built:
            self.build(np.shape(x))
        names = ("state", "timespans", "mask", "timestamps")
        given = {**dict(zip(names, args, strict=False)), **inputs}
        result = run(self.spec, self.parameters(dict(self._arrays)), **self.arguments(x, **given))
        result = self.result(result, {"x": x, **given})
        return result if getattr(self.spec, "return_state", True) else result[0]


class TransposedGate(Wrong):
    def parameters(self, p: Parameters) -> Parameters:
        return p | {"input_gate.recurrent_kernel": p["input_gate.recurrent_kernel"].T}


class SwappedGates(Wrong):
    def parameters(self, p: Parameters) -> Parameters:
        swap = {"input_gate": "forget_gate", "forget_gate": "input_gate"}
        return {
            ".".join([swap.get(k.split(".")[0], k.split(".")[0]), k.split(".")[1]]): v
            for k, v in p.items()
        }


class WrongSignOfTime(Wrong):
    def parameters(self, p: Parameters) -> Parameters:
        return {k: -v if "time_a" in k else v for k, v in p.items()}


class ForgetGateWithoutOffset(Wrong):
    def parameters(self, p: Parameters) -> Parameters:
        return {k: v - 1.0 if k == "memory.forget_gate.bias" else v for k, v in p.items()}


class WiringIgnored(Wrong):
    def __call__(self, x: Any, *args: Any, **inputs: Any) -> Any:
        spec = dataclasses.replace(self.spec)
        blocks = tuple(dataclasses.replace(b, mask=None) for b in self.spec.blocks)
        spec.__dict__["blocks"] = blocks
        result = run(spec, self._arrays, x, *args, **inputs)
        return result if getattr(spec, "return_state", True) else result[0]


class ProjectionSkipped(Wrong):
    def __call__(self, x: Any, *args: Any, **inputs: Any) -> Any:
        spec = dataclasses.replace(self.spec, proj_size=None)
        result = run(spec, self._arrays, x, *args, **inputs)
        return result if spec.return_state else result[0]


class BiasForgotten(Wrong):
    def parameters(self, p: Parameters) -> Parameters:
        return {k: np.zeros_like(v) if k == "bias" else v for k, v in p.items()}


class ActivationForgotten(Wrong):
    def __call__(self, x: Any, *args: Any, **inputs: Any) -> Any:
        return run(dataclasses.replace(self.spec, activation=None), self._arrays, x)


class LastOutputOffByOne(Wrong):
    def result(self, result: Any, given: dict[str, Any]) -> Any:
        steps = np.shape(given["x"])[-2]
        if getattr(self.spec, "return_sequences", True) or steps < 2:
            return result
        spec = dataclasses.replace(self.spec, return_sequences=True, return_state=True)
        y, _ = run(spec, self._arrays, **given)
        return y[..., -2, :], result[1]


class MaskDropped(Wrong):
    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        return {"x": x, **inputs, "mask": None}


class MaskedStepChangesState(Wrong):
    def result(self, result: Any, given: dict[str, Any]) -> Any:
        return result[0], run(self.spec, self._arrays, **{**given, "mask": None})[1]


class MaskedTimeCounts(Wrong):
    """A masked step's elapsed time is added to that of the next real one."""

    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        timespans, mask = inputs.get("timespans"), inputs.get("mask")
        if mask is None or np.ndim(timespans) != 2:
            return {"x": x, **inputs}
        dt = np.array(timespans)
        for t in range(1, dt.shape[1]):
            dt[:, t] += np.where(mask[:, t - 1], 0.0, dt[:, t - 1])
        return {"x": x, **inputs, "timespans": dt}


class PaddingReachesOutput(Wrong):
    """Without return_sequences, y is that of the last step even where it is masked."""

    def result(self, result: Any, given: dict[str, Any]) -> Any:
        if self.spec.return_sequences:
            return result
        return run(self.spec, self._arrays, **{**given, "mask": None})[0], result[1]


class TimeIgnored(Wrong):
    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        return {"x": x, **inputs, "timespans": None, "timestamps": None}


class TimeScaled(Wrong):
    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        for name in ("timespans", "timestamps"):
            if inputs.get(name) is not None:
                inputs[name] = np.asarray(inputs[name]) * 1.01
        return {"x": x, **inputs}


class TimespansReadAsRows(Wrong):
    """(T,) is taken for (B,) where B = T."""

    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        dt = inputs.get("timespans")
        if np.ndim(x) == 3 and np.shape(dt) == (len(x),):
            inputs["timespans"] = np.repeat(np.asarray(dt)[:, None], x.shape[1], axis=1)
        return {"x": x, **inputs}


class FirstTimestampCountsOne(Wrong):
    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        stamps = inputs.pop("timestamps", None)
        if stamps is not None and np.ndim(stamps) == 2 and inputs.get("timespans") is None:
            first = np.ones_like(stamps[:, :1])
            inputs["timespans"] = np.concatenate([first, np.diff(stamps, axis=1)], axis=1)
        return {"x": x, **inputs}


class NanAtZero(Wrong):
    def result(self, result: Any, given: dict[str, Any]) -> Any:
        dt = given.get("timespans")
        zero = dt is not None and np.any(np.asarray(dt) == 0)
        return (result[0] * np.nan, result[1]) if zero else result


class OverflowAtHugeTime(Wrong):
    def result(self, result: Any, given: dict[str, Any]) -> Any:
        dt = given.get("timespans")
        huge = dt is not None and np.max(np.asarray(dt), initial=0) > 1e20
        return (result[0] + np.inf, result[1]) if huge else result


class TimeMayGoBackwards(Wrong):
    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        dt = inputs.get("timespans")
        return {"x": x, **inputs, "timespans": None if dt is None else np.nan_to_num(np.abs(dt))}


class StateNotCarried(Wrong):
    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        return {"x": x, **inputs, "state": None}


class StateLeaks(Wrong):
    """A call without a state goes on where the last one ended."""

    last: Any = None

    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        if inputs.get("state") is None and np.shape(self.last)[:1] == np.shape(x)[:1]:
            inputs["state"] = self.last
        return {"x": x, **inputs}

    def result(self, result: Any, given: dict[str, Any]) -> Any:
        self.last = result[1]
        return result


class BatchAxisKept(Wrong):
    def result(self, result: Any, given: dict[str, Any]) -> Any:
        y = result if self.spec.kind == "feedforward" else result[0]
        y = y[None] if np.ndim(given["x"]) == 2 else y
        return y if self.spec.kind == "feedforward" else (y, result[1])


class EmptySequenceFails(Wrong):
    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        x[..., 0, :]
        return {"x": x, **inputs}


class NoRowsBecomeOne(Wrong):
    def result(self, result: Any, given: dict[str, Any]) -> Any:
        return result if len(given["x"]) else np.zeros((1, self.spec.units))


class InitialStateOfNoRowsHasNoBatch(Wrong):
    def get_initial_state(self, batch_size: int | None = None) -> Any:
        return super().get_initial_state(batch_size or None)


class InitialStateOfOnes(Wrong):
    def get_initial_state(self, batch_size: int | None = None) -> Any:
        return super().get_initial_state(batch_size) + 1.0


class ChangesInput(Wrong):
    def result(self, result: Any, given: dict[str, Any]) -> Any:
        x = given["x"]
        x *= 2.0
        return result


class HalfPrecision(Wrong):
    def result(self, result: Any, given: dict[str, Any]) -> Any:
        return np.asarray(result[0], np.float16).astype(np.float64), result[1]


class ReturnsAnotherDtype(Wrong):
    def result(self, result: Any, given: dict[str, Any]) -> Any:
        return result[0].astype(np.float32), result[1]


class StateAlwaysReturned(Wrong):
    def __call__(self, x: Any, *args: Any, **inputs: Any) -> Any:
        return run(self.spec, self._arrays, x, *args, **inputs)


class ArgumentsInAnotherOrder(Wrong):
    def __call__(self, x: Any, timespans: Any = None, state: Any = None, **inputs: Any) -> Any:
        return super().__call__(x, state=state, timespans=timespans, **inputs)

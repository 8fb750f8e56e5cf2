"""Does a call change only what it returns: not its inputs, not the layer, not other layers?"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ncps.canonical import parameters
from ncps.testing._arrays import Array, has_dtype
from ncps.testing._cases import Case
from ncps.testing._check import ALL, EVERY, check
from ncps.testing._compare import EXACT, outputs_close, same_arrays
from ncps.testing._subject import Subject
from ncps.testing._variants import first, small

THREADS = 8


@check(cases=small, kinds=ALL)
def check_inputs_unchanged(subject: Subject, case: Case) -> None:
    """A call never changes the caller's arrays."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    if case.takes_mask:
        inputs["mask"] = case.random_mask(case.rng("mask"))
    native = subject.native(inputs, layer.dtype)
    before = {name: _copies(subject, value) for name, value in native.items()}
    layer(**native)
    for name, copies in before.items():
        for old, new in zip(copies, _copies(subject, native[name]), strict=True):
            assert np.array_equal(old, new), f"expected {name} to stay as the caller gave it"


def _copies(subject: Subject, value: Any) -> list[Array]:
    parts = value if isinstance(value, tuple) else (value,)
    return [np.array(subject.arrays.numpy(part)) for part in parts]


@check(cases=small, kinds=ALL)
def check_repeated_calls(subject: Subject, case: Case) -> None:
    """A call leaves nothing behind: the same inputs give the same result again."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    inputs.pop("state", None)
    expected = subject.call(layer, inputs)
    for what, other in (("the same call", inputs), ("a call of one row", _one_row(inputs))):
        subject.call(layer, other)
        outputs_close(subject.call(layer, inputs), expected, EXACT, f"after {what}: ")
    neighbour = subject.make(case.spec(), seed=99)
    subject.call(neighbour, inputs)
    outputs_close(subject.call(layer, inputs), expected, EXACT, "after another layer's call: ")


def _one_row(inputs: dict[str, Any]) -> dict[str, Any]:
    # an index plus one may be none of the table
    return {
        name: value[:1] + 1 if has_dtype(value) else value[:1] for name, value in inputs.items()
    }


@check(cases=first, kinds=EVERY)
def check_concurrent_create(subject: Subject, case: Case) -> None:
    """Layers made and called by eight threads at once are those made one by one."""
    spec, inputs = case.spec(), case.inputs()
    start = threading.Barrier(THREADS)

    def work(seed: int) -> tuple[dict[str, Array], Any]:
        start.wait(timeout=30)
        layer = subject.by_user(spec, seed=seed)
        return parameters(layer), subject.call(layer, inputs)

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(work, range(THREADS)))
    for seed, (got, output) in enumerate(results):
        same_arrays(f"thread {seed}: parameter", got, spec.initial_parameters(seed))
        alone = subject.call(subject.make(spec, seed=seed), inputs)
        outputs_close(output, alone, EXACT, f"thread {seed}: ")

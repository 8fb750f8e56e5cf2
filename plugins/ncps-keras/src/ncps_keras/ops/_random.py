"""Random numbers: a seed from Keras' generator, and what dropout multiplies by."""

from __future__ import annotations

import itertools
import random
import threading
from typing import Any

import keras
import numpy as np
from keras import ops

from ncps_keras.backends import xp

_lock = threading.Lock()
_numbers = itertools.count()
_thread = threading.local()


def draw_seed() -> int:
    """A seed from Keras' own generator, so that `keras.utils.set_random_seed` fixes what is built.

    Keras has one generator for each thread, and seeds it from Python's, which is put back here.
    The number of the thread keeps threads apart that start from the same state.
    """
    with _lock:
        before = random.getstate()
        drawn = keras.random.randint((), 0, 2**31 - 1, dtype="int32")
        random.setstate(before)
        if not hasattr(_thread, "number"):
            main = threading.current_thread() is threading.main_thread()
            _thread.number = 0 if main else 1 + next(_numbers)
    words = np.random.SeedSequence([int(xp.to_numpy(drawn)), _thread.number])
    # Keras' seeds are int32 on torch
    return int(words.generate_state(1)[0] >> 1)


def dropout(rate: float, shape: tuple[Any, ...], dtype: str, seed: Any) -> Any:
    """0 with probability `rate`, else 1 / (1 - rate)."""
    return keras.random.dropout(ops.ones(shape, dtype=dtype), rate, seed=seed)


def seed_generator(seed: int | None) -> Any:
    """Keras' state of random numbers for one layer; without a seed, one is drawn."""
    if seed is None:
        # a symbol cannot be a seed: while Keras asks for shapes only, any number serves
        seed = 0 if xp.is_tracing() else draw_seed()
    return keras.random.SeedGenerator(seed % 2**31)

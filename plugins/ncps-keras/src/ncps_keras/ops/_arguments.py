"""Arguments of a call on their way through Keras, which takes tensors by position only."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


def as_tensor(value: Any) -> Any:
    """A tensor of anything that NumPy understands; tensors, symbolic ones too, stay as they are."""
    if value is None or isinstance(value, keras.KerasTensor) or keras.ops.is_tensor(value):
        return value
    return ops.convert_to_tensor(value if hasattr(value, "dtype") else np.asarray(value))


def as_given(value: Any) -> Any:
    """Times as they came, in their own precision: tensors, NumPy arrays and numbers."""
    return np.asarray(value) if isinstance(value, (list, tuple)) else value

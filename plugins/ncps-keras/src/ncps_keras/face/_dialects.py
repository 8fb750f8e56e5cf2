"""Weights know the dialect that they belong to, and a layer takes it over with them.

A file that says none was written by ncps 1.0.1, whose Keras layers computed something else with
the same weights.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ncps.errors import CheckpointWarning
from ncps.specs import KERAS_1

_KEY = "ncps_dialect"
_NUMBERS = {KERAS_1: 0, "ncps": 1}


class DialectWeights:
    """Of a Keras layer with a `dialect`: writes it beside its variables, and follows a file's.

    What computes by the dialect is made anew in `_set_dialect`.
    """

    dialect: str

    def save_own_variables(self, store: Any) -> None:
        """Write the layer's own variables to Keras' store."""
        super().save_own_variables(store)  # type: ignore[misc]
        store[_KEY] = np.array(_NUMBERS[self.dialect], dtype="int32")

    def load_own_variables(self, store: Any) -> None:
        """Read the layer's own variables from Keras' store."""
        found = {name: store[name] for name in store.keys()}  # noqa: SIM118
        number = int(np.asarray(found.pop(_KEY, _NUMBERS[KERAS_1])))
        super().load_own_variables(found)  # type: ignore[misc]
        dialect = next(name for name, n in _NUMBERS.items() if n == number)
        if dialect != self.dialect:
            self._set_dialect(dialect)
            warnings.warn(
                f"{type(self).__name__} now has dialect={dialect!r}, as the weights that it loaded "
                "were made with it. Make the layer with this dialect to be rid of this warning; a "
                "model that has run in a compiled function must be compiled again.",
                CheckpointWarning,
                stacklevel=2,
            )

    def _set_dialect(self, dialect: str) -> None:
        """Compute in another dialect from now on."""
        raise NotImplementedError(f"{type(self).__name__} must define _set_dialect")

"""The two meanings that CfC and LTC had in ncps 1.0.1: one per framework, and ours is torch's."""

from __future__ import annotations

from ncps.errors import SpecError

KERAS_1 = "ncps-1.0-keras"
DIALECTS = ("ncps", KERAS_1)


def refuse_strict(layer: str, dialect: str, wiring_mode: str) -> None:
    """SpecError for a wiring that the Keras layers of ncps 1.0.1 never had."""
    if dialect == KERAS_1 and wiring_mode == "strict":
        raise SpecError(
            f"{layer} expected wiring_mode='ncps-1.0' beside dialect={KERAS_1!r}, got 'strict'. "
            "The dialect is for weights of ncps 1.0.1, which has no strict wiring: leave it out."
        )

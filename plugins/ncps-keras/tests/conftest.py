"""The tests run on the back end that KERAS_BACKEND names; without it, on torch or what is here."""

from __future__ import annotations

import ncps_keras  # noqa: F401  settles the back end before a test imports Keras

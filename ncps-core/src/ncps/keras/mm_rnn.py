"""Where files of Keras that ncps 1.0.1 wrote look for MixedMemoryRNN."""

from __future__ import annotations

from ncps.keras import MixedMemoryRNN as MixedMemoryRNN

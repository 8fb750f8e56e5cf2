"""Files of Keras models with layers of ncps 1.0.1, read into specs and canonical parameters."""

from __future__ import annotations

from ncps_keras.checkpoints._reader import NCPS10Keras as NCPS10Keras

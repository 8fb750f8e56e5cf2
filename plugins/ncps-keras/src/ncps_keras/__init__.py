"""Layers of ncps for Keras 3. Reading this module imports no framework.

Importing it settles which back end a later ``import keras`` takes, see `ncps_keras._choice`.
"""

from __future__ import annotations

from ncps_keras._choice import settle

__version__ = "2.0.0"

settle()

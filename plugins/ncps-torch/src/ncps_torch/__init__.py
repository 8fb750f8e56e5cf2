"""Layers of ncps for PyTorch. Reading this module imports no framework."""

from __future__ import annotations

__version__ = "2.0.0"

"""Layers of ncps for Apple MLX. Reading this module imports no framework."""

from __future__ import annotations

__version__ = "2.0.0"

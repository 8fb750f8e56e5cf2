"""Hyena on PyTorch."""

from __future__ import annotations

"""The protocol that every layer of every technology follows."""

from __future__ import annotations

from ncps.canonical import Layer as Layer

"""The hooks of this plugin; importing it imports no framework."""

from __future__ import annotations

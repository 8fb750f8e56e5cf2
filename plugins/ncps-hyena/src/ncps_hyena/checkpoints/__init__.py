"""Checkpoints of HyenaDNA, read into specs and canonical parameters."""

from __future__ import annotations

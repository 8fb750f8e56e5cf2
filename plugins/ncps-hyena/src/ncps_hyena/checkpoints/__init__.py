"""Checkpoints of HyenaDNA, read into specs and canonical parameters."""

from __future__ import annotations

from ncps_hyena.checkpoints._reader import HyenaDNAFiles as HyenaDNAFiles

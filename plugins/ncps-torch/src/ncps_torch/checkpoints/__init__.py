"""Checkpoints of ncps 1.0.1, read into specs and canonical parameters."""

from __future__ import annotations

from ncps_torch.checkpoints._reader import NCPS10 as NCPS10

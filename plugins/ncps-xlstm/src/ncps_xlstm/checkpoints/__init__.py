"""Checkpoints of the package xlstm and of the hub, read into specs and canonical parameters."""

from __future__ import annotations

from ncps_xlstm.checkpoints._large import Large as Large
from ncps_xlstm.checkpoints._stack import BlockStack as BlockStack

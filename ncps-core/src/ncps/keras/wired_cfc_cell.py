"""Where files of Keras that ncps 1.0.1 wrote look for WiredCfCCell."""

from __future__ import annotations

from ncps.keras import WiredCfCCell as WiredCfCCell

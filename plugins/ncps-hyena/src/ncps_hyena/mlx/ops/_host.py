"""What the plugin of MLX lends to these layers, so that it is not imported."""

from __future__ import annotations

from typing import Any

from ncps import registry

kit: Any = registry.toolkit("mlx")

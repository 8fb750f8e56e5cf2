"""What the plugin of torch lends to these layers, so that it is not imported."""

from __future__ import annotations

from typing import Any

from ncps import registry

kit: Any = registry.toolkit("torch")

in_transform = kit.in_transform
wants_gradient = kit.wants_gradient
without_autocast = kit.without_autocast
ACTIVATIONS = kit.ACTIVATIONS

"""Native classes that are made from a spec, as the registry does, or from sizes and options."""

from __future__ import annotations

from typing import Any, ClassVar

from ncps import registry
from ncps.errors import SpecError
from ncps.specs import Spec


class FromOptions:
    """Makes the spec of a plugin's layer from what its user writes: ``mLSTM(16, 32, num_heads=2)``.

    It stands before the framework's base: ``class mLSTM(FromOptions, NativeLayer)``. The class is
    called as its layer.

    The sizes that may be given without a name are those of `sizes`, in this order; all other
    options of the spec go by name. `seed`, `dtype` and `device` are those of every native layer.

    Raises: SpecError for sizes that have no place, or beside a spec; as the spec for its options.
    """

    sizes: ClassVar[tuple[str, ...]] = ("input_size",)

    def __init__(
        self, *sizes: Any, seed: Any = None, dtype: Any = None, device: Any = None, **options: Any
    ) -> None:
        layer = type(self).__name__
        if sizes and isinstance(sizes[0], Spec):
            if options or len(sizes) > 1:
                raise SpecError(
                    f"{layer} expected a spec or sizes and options, got both. Change the spec with "
                    "dataclasses.replace."
                )
            spec = sizes[0]
        else:
            spec = self._described(layer, sizes, options)
        super().__init__(spec, seed=seed, dtype=dtype, device=device)  # type: ignore[call-arg]

    def _described(self, layer: str, sizes: tuple[Any, ...], options: dict[str, Any]) -> Spec:
        if len(sizes) > len(self.sizes):
            raise SpecError(
                f"{layer} expected at most the sizes {', '.join(self.sizes)} without a name, got "
                f"{len(sizes)}: {sizes}. Pass the others by name."
            )
        known = registry.plugin_spec(layer)
        if known is None:
            raise SpecError(
                f"{layer} expected the plugin that brings its spec to be in use; config has put it "
                "aside."
            )
        return known.from_options({**dict(zip(self.sizes, sizes, strict=False)), **options})

"""`create` and its parts: spec, choice, factory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ncps.errors import NcpsError, PluginError, SpecError, UnknownNameError, unknown
from ncps.registry._choice import choose
from ncps.registry._outcome import Failed, Loaded, call, described, fetch, let_through, not_a_layer
from ncps.registry._plan import barred_distribution, device_kind
from ncps.registry._records import Origin, Provider
from ncps.registry._state import state
from ncps.registry._wishes import environment

if TYPE_CHECKING:
    from ncps.specs import Spec


def create(
    layer: str | Spec,
    technology: str | None = None,
    framework: str | None = None,
    device: Any = None,
    dtype: Any = None,
    seed: int | None = None,
    **config: Any,
) -> Any:
    """A native layer, from the technology that is in force.

    ``create("CfC", units=64)`` takes the best that is installed; ``technology="torch"`` any layer
    on torch, ours first; ``technology="torch.nn"`` torch's own. `layer` may also be a finished
    spec. The same `seed` gives the same canonical parameters in every technology.

    Raises: UnknownNameError for a layer, technology, framework or option that is not known;
    SpecError for a value that the layer cannot have; PluginError when nobody who was asked can.
    """
    spec = _spec(layer, config)
    while True:
        loaded = choose(spec.layer, technology, framework, device, spec)
        native, wrong = _made(loaded, spec, seed, dtype, device)
        if wrong is None:
            break
        state().disqualify(loaded.provider, device_kind(device), wrong)
    if loaded.created is not None:
        try:
            call(loaded.created, layer=native, spec=spec)
        except PluginError as error:
            raise PluginError(f"{loaded.provider}: created: {error}.") from error.__cause__
    return native


def select(
    layer: str,
    *,
    technology: str | None = None,
    framework: str | None = None,
    device: Any = None,
    spec: Spec | None = None,
) -> Provider:
    """The provider that `create` would take; its plugin is imported, as it must be to be sure.

    Raises: as `create`.
    """
    return choose(layer, technology, framework, device, spec).provider


def load(provider: Provider, device: Any = None) -> Callable[..., Any]:
    """The factory of a provider, called as ``factory(spec, seed=, dtype=, device=)``.

    Raises: PluginError with its cause when the provider cannot be used here.
    """
    from ncps.registry._plugins import load as load_provider

    loaded = load_provider(provider, device_kind(device), state())
    if isinstance(loaded, Failed):
        raise PluginError(f"{provider}: {loaded.step}: {loaded.reason}.") from loaded.cause
    return loaded.factory


def plugin_spec(name: str) -> type[Spec] | None:
    """The spec class that an installed plugin brings under this name, or None.

    From then on `ncps.specs` knows it, with the reference and the cases that its manifest names.

    Raises: PluginError when it cannot be loaded, or when two distributions bring it.
    """
    catalogue = state().catalogue(discover=environment().discovers())
    claims = _usable(catalogue.specs.get(name, []))
    if not claims:
        return None
    origin, target = _only(claims, f"the spec {name!r}")
    spec = _load_spec(name, origin, target)
    from ncps import specs

    (manifest,) = (m for m in catalogue.manifests if m.origin == origin)
    specs.register(spec, manifest.references.get(name), manifest.cases.get(name))
    return spec


def checkpoint_formats() -> list[str]:
    """Names of the checkpoint formats that installed plugins read."""
    catalogue = state().catalogue(discover=environment().discovers())
    return sorted(name for name, claims in catalogue.checkpoints.items() if _usable(claims))


def checkpoint_reader(name: str) -> Any:
    """The reader of a checkpoint format, see `ncps.conversion.Reader`.

    Raises: UnknownNameError for a format that nothing installed reads; PluginError when its reader
    cannot be loaded, or when two distributions bring one.
    """
    catalogue = state().catalogue(discover=environment().discovers())
    claims = _usable(catalogue.checkpoints.get(name, []))
    if not claims:
        raise unknown("checkpoint format", name, checkpoint_formats())
    origin, target = _only(claims, f"the checkpoint format {name!r}")
    return _load_target(origin, target, "checkpoint reader")


def build_spec(layer: str, config: dict[str, Any]) -> Spec:
    """The checked spec of a layer of ours or of a plugin."""
    from ncps import specs

    catalogue = state().catalogue(discover=environment().discovers())
    for name in catalogue.specs.keys() & _texts(config):
        plugin_spec(name)  # a member of a container, by its name
    if layer not in specs.BUILTIN and plugin_spec(layer) is None:
        try:
            specs.get(layer)
        except UnknownNameError:
            if (lost := catalogue.lost(layer)) is not None:
                raise lost from lost.__cause__
            raise unknown("layer", layer, catalogue.layers.union(specs.BUILTIN)) from None
    return specs.build(layer, **config)


def _texts(value: Any) -> set[str]:
    """All texts in a config, however deep in lists and dicts."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return set()
    return set().union(*map(_texts, value))


def _made(
    loaded: Loaded, spec: Spec, seed: int | None, dtype: Any, device: Any
) -> tuple[Any, Failed | None]:
    """What the factory returned, and what is wrong with it.

    Raises: PluginError from what the factory raises. The next technology is not taken then: often
    it is this one call that cannot be served, and an answer from elsewhere would hide it.
    """
    try:
        native = loaded.factory(spec, seed=seed, dtype=dtype, device=device)
        return native, not_a_layer(native)
    except NcpsError:  # it says itself what it does not support
        raise
    except BaseException as error:
        let_through(error)
        raise PluginError(
            f"{loaded.provider}: create: making {spec} failed: {described(error)}."
        ) from error


def _spec(layer: str | Spec, config: dict[str, Any]) -> Spec:
    if isinstance(layer, str):
        return build_spec(layer, config)
    from ncps.specs import Spec

    if not isinstance(layer, Spec):
        raise SpecError(f"create expected a layer's name or a spec, got {layer!r}.")
    if config:
        raise SpecError(
            f"create expected a spec or a layer's name with options, got both: {sorted(config)}. "
            "Change the spec with dataclasses.replace."
        )
    return layer


def _usable(claims: list[tuple[Origin, str]]) -> list[tuple[Origin, str]]:
    settings = state().settings()
    return [c for c in claims if barred_distribution(c[0].distribution, settings) is None]


def _only(claims: list[tuple[Origin, str]], what: str) -> tuple[Origin, str]:
    if len(claims) > 1:
        rivals = ", ".join(origin.distribution for origin, _ in claims)
        raise PluginError(f"{what} comes from {rivals}; deny all but one of them in ncps.toml.")
    return claims[0]


def _load_spec(name: str, origin: Origin, target: str) -> type[Spec]:
    from ncps.specs import Spec

    found = _load_target(origin, target, "spec")
    if not (isinstance(found, type) and issubclass(found, Spec) and found.layer == name):
        raise PluginError(
            f"{origin}: expected {target!r} to be the Spec of {name!r}, got {found!r}."
        )
    return found


def _load_target(origin: Origin, target: str, what: str) -> Any:
    try:
        return fetch(target)
    except BaseException as error:
        let_through(error)
        raise PluginError(
            f"{origin}: loading the {what} {target!r} failed: {described(error)}."
        ) from error

"""Every step's output and states of a layer, in any technology."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ncps import registry
from ncps.canonical import Layer, framework_of, load_parameters, parameters
from ncps.conversion._record_containers import Call, inside, output_of
from ncps.errors import PluginError
from ncps.reference import following
from ncps.specs import CollectionSpec, ContainerSpec, Part, SequenceSpec, Spec, inputs, undrawn

Array = npt.NDArray[Any]


def record(
    layer: Layer,
    x: Any,
    state: Any = None,
    timespans: Any = None,
    mask: Any = None,
    timestamps: Any = None,
    context: Any = None,
    context_mask: Any = None,
) -> dict[str, Array]:
    """The output ``y`` and every state after every step, as NumPy arrays under the states' names.

    The layer runs step by step in its own technology, on that technology's default device. States
    of several layers or directions are called ``stack_0.forward.h``; those of a reverse direction
    stand at the step of the input that they belong to.

    Arguments may be arrays of any framework.

    Shape: as in a call, x (B, T, D) or (T, D) → ``y`` (B, T, O) and each state (B, T, …), without
    B for (T, D). A cell takes one step, x (B, D) or (D,); a feed-forward layer has ``y`` alone, and
    an attention layer takes a context too.
    Raises: ShapeError as a call does; BuildError when the layer is not built; ParameterError when
    it is no layer of ncps; SpecError for a collection, whose layers are recorded one by one.
    """
    return trace(layer, (x, state, timespans, mask, timestamps), (context, context_mask))


def trace(
    layer: Layer,
    given: Sequence[Any],
    context: tuple[Any, Any] = (None, None),
    along: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """As `record`, for its arguments in order; `context` goes with its mask.

    `along` is a recording of another layer for the same arguments. Each step then starts from that
    layer's state, so that what differs is the step alone, and not how a sequence amplifies it.
    """
    parameters(layer)  # raises for what is no layer, or not built
    spec = layer.spec
    if isinstance(spec, CollectionSpec):
        raise spec.uncalled()
    given = [numbers(value) for value in given]
    if spec.kind == "feedforward":
        return {"y": _output(layer, given[0], given[3], *map(numbers, context))}
    call, batched = _checked(spec, *given)
    if along is not None and not batched:
        along = {name: array[None] for name, array in along.items()}
    found = _steps(layer, call, along)
    if spec.kind == "cell":
        found = {name: array[:, 0] for name, array in found.items()}
    return found if batched else {name: array[0] for name, array in found.items()}


def _steps(layer: Layer, call: Call, along: Mapping[str, Array] | None) -> dict[str, Array]:
    """y and the states of a recurrent layer after every step."""
    if isinstance(layer.spec, ContainerSpec):
        return inside(layer, call, along, _steps, _output)
    return _plain(layer, call, along)


def _output(
    layer: Layer, x: Any, mask: Any = None, context: Any = None, context_mask: Any = None
) -> Array:
    """y of a layer without state; one that takes no mask gets none."""
    plain = maker(layer)(layer.spec)  # a layer in training may compute something else
    load_parameters(plain, parameters(layer))
    arrays = registry.arrays(layer.framework)
    beside = {"mask": mask if layer.spec.masked else None, "context_mask": context_mask}
    beside = {k: arrays.asarray(np.asarray(v, bool)) for k, v in beside.items() if v is not None}
    if context is not None:
        beside["context"] = arrays.asarray(context, layer.dtype)
    x = np.asarray(x)
    dtype = layer.dtype if np.issubdtype(x.dtype, np.floating) else None
    y: Array = arrays.numpy(plain(arrays.asarray(x, dtype), **beside))
    return y


def _plain(layer: Layer, call: Call, along: Mapping[str, Array] | None) -> dict[str, Array]:
    """y and the states of a recurrent layer, part by part."""
    spec, make, values = layer.spec, maker(layer), parameters(layer)
    found: dict[str, Array] = {}
    rest = list(call.states)
    for level in spec.parts if isinstance(spec, SequenceSpec) else ((Part("", spec),),):
        outputs = []
        for part in level:
            plain = make(_stepwise(part.spec))
            own = {p.name: values[part.prefix + p.name] for p in plain.spec.parameters()}
            load_parameters(plain, own)
            names = [name for name, _ in part.spec.state_shapes()]
            states, rest = tuple(rest[: len(names)]), rest[len(names) :]
            others = None if along is None else [along[part.prefix + name] for name in names]
            steps = _run(plain, call._replace(states=states), part.reverse, others)
            outputs.append(output_of(steps, part.spec))
            found |= {part.prefix + name: array for name, array in steps.items()}
        call = call._replace(x=np.concatenate(outputs, axis=-1))
    return {"y": call.x, **found}


def maker(layer: Layer) -> Callable[[Spec], Layer]:
    """Makes layers of the same technology and dtype from other specs, for inference."""
    provider = registry.provider_of(layer)
    # a module of ncps.mixed has its technology in it, not in its class
    alike: Callable[..., Layer] = getattr(layer, "alike", type(layer))
    factory = alike if provider is None else registry.load(provider)

    def make(spec: Spec) -> Layer:
        # the values are replaced at once: a fixed seed leaves global generators alone
        with undrawn():
            made = factory(spec, seed=0, dtype=layer.dtype, device=None)
        if hasattr(made, "eval"):  # dropout is off, as in torch's and MLX's modules
            made.eval()
        return made

    return make


def numbers(value: Any) -> Any:
    """The same argument, of whatever framework, as NumPy arrays; None and numbers stay."""
    if isinstance(value, (tuple, list)) and any(hasattr(v, "shape") for v in value):
        return tuple(numbers(v) for v in value)
    framework = framework_of(value)
    if framework is None:
        return value
    try:
        return registry.arrays(framework).numpy(value)
    except PluginError:  # an array of a framework whose plugin is not here
        return np.asarray(value)


def _stepwise(spec: Spec) -> Spec:
    if isinstance(spec, SequenceSpec):
        return dataclasses.replace(spec, return_sequences=True, return_state=True)
    return spec


def _checked(
    spec: Spec, x: Any, state: Any, timespans: Any, mask: Any, timestamps: Any
) -> tuple[Call, bool]:
    """The call in one form, and whether its input has a batch axis."""
    x = np.asarray(x)
    axes = (inputs.cell_axes if spec.kind == "cell" else inputs.sequence_axes)(spec, x.shape)
    lead = (axes.batch, axes.steps)
    real = np.ones(lead, dtype=bool)
    if mask is not None:
        mask = np.asarray(mask)
        inputs.check_mask(spec, axes, mask.shape)
        real = mask.astype(bool).reshape(lead)
    names = spec.state_shapes()
    if state is None:
        states = tuple(np.zeros((axes.batch, *shape)) for _, shape in names)
    else:
        states = tuple(map(np.asarray, state if isinstance(state, tuple) else (state,)))
        inputs.check_state(spec, axes, tuple(s.shape for s in states))
        states = states if axes.batched else tuple(s[None] for s in states)
    dt = np.broadcast_to(_elapsed(spec, axes, timespans, timestamps), lead)
    features = () if spec.indices else x.shape[-1:]
    return Call(x.reshape(*lead, *features), dt, real, states), axes.batched


def _elapsed(spec: Spec, axes: inputs.Axes, timespans: Any, timestamps: Any) -> Array:
    """Δt (B or 1, T or 1); the layer itself judges the values."""
    inputs.check_one_time(spec, timespans, timestamps)
    if timestamps is None:
        dt = np.asarray(1.0 if timespans is None else timespans, dtype=np.float64)
        return dt.reshape(inputs.timespans_shape(spec, axes, dt.shape))
    times = np.asarray(timestamps, dtype=np.float64)
    times = times.reshape(inputs.timestamps_shape(spec, axes, times.shape))
    return np.diff(times, axis=1, prepend=times[:, :1])


def _run(
    layer: Layer, call: Call, reverse: bool, along: Sequence[Array] | None
) -> dict[str, Array]:
    """y and the states (B, T, ·) of a plain layer, step by step, from states of its own or given.

    A cell has one step, which starts from the call's state.
    """
    arrays = registry.arrays(layer.framework)
    sequence = layer.spec.kind == "sequence"
    kind = None if layer.spec.indices else layer.dtype
    dt = following(call.dt, call.real) if reverse else call.dt
    states = tuple(arrays.asarray(s, layer.dtype) for s in call.states)
    history: list[tuple[Array, ...]] = []
    steps = range(call.x.shape[1])
    for t in reversed(steps) if reverse else steps:
        at = slice(t, t + 1) if sequence else t
        options = {"timespans": arrays.asarray(dt[:, at], layer.dtype)}
        if sequence:
            options["mask"] = arrays.asarray(call.real[:, at])
        given = states[0] if len(states) == 1 else states
        y, new = layer(arrays.asarray(call.x[:, at], kind), given, **options)
        row = [arrays.numpy(a) for a in (y, *(new if isinstance(new, tuple) else (new,)))]
        history.append((row[0][:, 0] if sequence else row[0], *row[1:]))
        # by way of NumPy: no step holds on to the computation of those before
        after = row[1:] if along is None or not sequence else [s[:, t] for s in along]
        states = tuple(arrays.asarray(s, layer.dtype) for s in after)
    if reverse:
        history.reverse()
    shapes = (("y", (layer.spec.output_size,)), *layer.spec.state_shapes())
    if not history:
        return {name: np.zeros((len(call.x), 0, *shape)) for name, shape in shapes}
    rows = zip(*history, strict=True)
    return {name: np.stack(a, axis=1) for (name, _), a in zip(shapes, rows, strict=True)}

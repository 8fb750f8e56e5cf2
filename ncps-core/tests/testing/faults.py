"""The list of planted faults: what is wrong, and which checks must turn red because of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ncps.reference.layers import ReferenceLayer
from ncps.testing import Subject
from ncps.testing._numpy_adapter import NumpyArrays

from . import wrong_arrays as a
from . import wrong_attention as t
from . import wrong_collections as c
from . import wrong_layers as w
from . import wrong_liquid as q
from . import wrong_manners as m


@dataclass(frozen=True)
class Fault:
    """A layer with something wrong, and the checks that must see it; `says` is in the message."""

    layer: str
    red: tuple[str, ...]
    says: str
    factory: Callable[..., Any] = ReferenceLayer
    arrays: NumpyArrays = NumpyArrays()  # noqa: RUF009 - it holds nothing
    loader: Callable[[Path], Any] | None = None

    def subject(self) -> Subject:
        return Subject(self.layer, self.factory, self.arrays, loader=self.loader)


def _loads_nothing(path: Path) -> ReferenceLayer:
    from ncps.canonical import load

    return ReferenceLayer(load(path, technology="numpy").spec, seed=1)


def _layer(layer: str, factory: Callable[..., Any], says: str, *red: str) -> Fault:
    return Fault(layer, red, says, factory)


def _arrays(layer: str, arrays: NumpyArrays, says: str, *red: str) -> Fault:
    return Fault(layer, red, says, arrays=arrays)


FAULTS: dict[str, Fault] = {
    "transposed gate": _layer("LSTM", w.TransposedGate, "y: expected", "values", "round_trip"),
    "swapped gates": _layer(
        "LSTMCell", w.SwappedGates, "y: expected", "values", "round_trip", "conversion"
    ),
    "wrong sign of time_a": _layer(
        "CfC", w.WrongSignOfTime, "y: expected", "values", "timespans_forms"
    ),
    "no offset of the forget gate": _layer(
        "CfC", w.ForgetGateWithoutOffset, "mixed_memory", "values", "round_trip"
    ),
    "wiring ignored": _layer("CfC", w.WiringIgnored, "AutoNCP", "values"),
    "wiring ignored by the cell": _layer("CfCCell", w.WiringIgnored, "AutoNCP", "values"),
    "projection skipped": _layer("CfC", w.ProjectionSkipped, "proj_size", "values", "output_shape"),
    "bias forgotten": _layer("Dense", w.BiasForgotten, "y: expected", "values", "round_trip"),
    "activation forgotten": _layer("Dense", w.ActivationForgotten, "activation", "values"),
    "last output off by one": _layer(
        *("CfC", w.LastOutputOffByOne, "return_sequences=False"),
        *("values", "state_carry", "padding", "conversion"),
    ),
    "mask dropped": _layer(
        *("CfC", w.MaskDropped, "y: expected"),
        *("masked_steps", "fully_masked", "padding", "mask_and_timespans", "values"),
    ),
    "masked step changes state": _layer(
        *("LSTM", w.MaskedStepChangesState, "state[0]"),
        *("masked_steps", "fully_masked", "padding", "mask_and_timespans"),
    ),
    "masked time counts": _layer("CfC", w.MaskedTimeCounts, "y: expected", "mask_and_timespans"),
    "padding reaches the output": _layer(
        "CfC", w.PaddingReachesOutput, "return_sequences=False", "padding", "fully_masked"
    ),
    "time ignored": _layer("CfC", w.TimeIgnored, "y: expected", "timespans_forms", "timestamps"),
    "time scaled": _layer("CfCCell", w.TimeScaled, "y: expected", "timespans_forms", "values"),
    "times read as rows": _layer("CfC", w.TimespansReadAsRows, "B = T", "timespans_forms"),
    "first timestamp counts 1": _layer(
        "CfC", w.FirstTimestampCountsOne, "timestamps", "timestamps"
    ),
    "NaN at no time": _layer("CfCCell", w.NanAtZero, "finite", "zero_timespans"),
    "overflow at huge time": _layer("CfC", w.OverflowAtHugeTime, "finite", "huge_timespans"),
    "time may go backwards": _layer("LSTM", w.TimeMayGoBackwards, "negative", "backward_time"),
    "state not carried": _layer("LSTM", w.StateNotCarried, "split at", "state_carry", "conversion"),
    "cell's state not carried": _layer("CfCCell", w.StateNotCarried, "step 0", "state_carry"),
    "state leaks": _layer("CfC", w.StateLeaks, "after the same call", "repeated_calls"),
    "batch axis kept": _layer("LSTM", w.BatchAxisKept, "expected shape", "unbatched"),
    "empty sequence fails": _layer("LSTM", w.EmptySequenceFails, "IndexError", "empty_sequence"),
    "no rows become one": _layer("Dense", w.NoRowsBecomeOne, "y: expected", "empty_batch"),
    "initial state of no rows has no batch": _layer(
        "CfC", w.InitialStateOfNoRowsHasNoBatch, "get_initial_state(0)", "empty_batch"
    ),
    "initial state of ones": _layer("CfC", w.InitialStateOfOnes, "zeros", "initial_state"),
    "input changed": _layer("Dense", w.ChangesInput, "x to stay", "inputs_unchanged"),
    "half precision": _layer("LSTM", w.HalfPrecision, "y: expected", "values", "dtypes"),
    "another dtype returned": _layer("LSTM", w.ReturnsAnotherDtype, "dtype", "dtypes"),
    "state always returned": _layer("CfC", w.StateAlwaysReturned, "y alone", "protocol"),
    "another order of arguments": _layer(
        "LSTMCell", w.ArgumentsInAnotherOrder, "ShapeError", "call_order"
    ),
    "wrong shape claimed": _layer("CfC", m.WrongShapeClaimed, "for an input", "output_shape"),
    "shapes unchecked": _layer("Dense", m.ShapesUnchecked, "one feature too many", "wrong_shapes"),
    "seed ignored": _layer("Dense", m.SeedIgnored, "seed 1", "seed", "concurrent_create"),
    "global generator seeded": _layer("LSTM", m.GlobalGeneratorSeeded, "left alone", "seed"),
    "built for another size": _layer("Dense", m.BuiltForAnotherSize, "build(shape)", "lazy_build"),
    "built anew": _layer("LSTM", m.BuiltAnew, "second build", "input_size_conflict"),
    "rebuilt for another size": _layer(
        "CfC", m.RebuiltForAnotherSize, "nothing was raised", "input_size_conflict"
    ),
    "builds the spec itself": _layer("CfC", m.BuildsTheSpecItself, "", "shared_description"),
    "parameters baked in": _layer("CfC", m.ParametersBakedIn, "y: expected", "round_trip"),
    "shared memory": _layer("Dense", m.SharedMemory, "after changing copies", "round_trip"),
    "parameter not saved": _layer(
        "CfC", m.ParameterNotSaved, "", "round_trip", "save_and_load", "seed"
    ),
    "nothing loaded": Fault("LSTM", ("save_and_load",), "loaded", loader=_loads_nothing),
    "half loaded": _layer("LSTM", m.HalfLoaded, "native array", "load_is_atomic"),
    "shared between instances": _layer(
        "CfC", m.SharedBetweenInstances, "thread", "concurrent_create"
    ),
    "not a layer": _layer("Dense", m.NotALayer, "lacks", "protocol"),
    "layers in another order": _layer("ModuleList", c.IteratesBackwards, "in order", "members"),
    "collection that can be called": _layer("ModuleList", c.CanBeCalled, "a call", "members"),
    "layers of their own": _layer(
        *("ModuleDict", c.LayersOfTheirOwn, "y: expected"),
        *("values", "round_trip", "conversion", "members"),
    ),
    "every name": _layer("ModuleDict", c.HasEveryName, "not to be in it", "members"),
    "one entry of a gradient wrong": _arrays(
        "Dense", a.OneEntryWrong(), "gradient of kernel", "gradients", "dtypes"
    ),
    "gradient 1% off": _arrays("CfC", a.OnePercentOff(), "gradient of", "gradients"),
    "gradient transposed": _arrays("LSTM", a.TransposedGradient(), "gradient of", "gradients"),
    "no gradient of time": _arrays("CfCCell", a.NoGradientOfTime(), "timespans", "gradients"),
    "no gradient of state": _arrays(
        "LSTM", a.NoGradientOfState(), "gradient of state", "gradients"
    ),
    "NaN gradient at no time": _arrays("CfC", a.NanGradientAtZero(), "finite", "zero_timespans"),
    "NaN gradient at huge time": _arrays(
        "CfC", a.NanGradientAtHugeTime(), "finite", "huge_timespans"
    ),
    "NaN gradient of masked steps": _arrays(
        "LSTM", a.NanGradientOfMaskedSteps(), "finite", "masked_gradients"
    ),
    "NaN gradient of no rows": _arrays("Dense", a.NanGradientOfNoRows(), "finite", "empty_batch"),
    "dtype claimed in vain": _arrays("Dense", a.ClaimsMore(), "float32", "dtypes"),
    "reset before the product": _layer("GRU", q.ResetBeforeTheProduct, "y: expected", "values"),
    "relu forgotten": _layer("RNNCell", q.ReluForgotten, "relu", "values"),
    "epsilon at its default": _layer("LTCCell", q.EpsilonAtItsDefault, "epsilon=0.01", "values"),
    "unfolds forgotten": _layer("CTRNN", q.OneUnfoldOnly, "y: expected", "values"),
    "solver forgotten": _layer("CTRNN", q.SolverAtItsDefault, "y: expected", "values"),
    "cell clip forgotten": _layer("CTGRUCell", q.CellClipForgotten, "cell_clip=0.2", "values"),
    "time constant ignored": _layer(
        "CTRNNCell", q.TimeConstantIgnored, "y: expected", "round_trip"
    ),
    "output mapping skipped": _layer("LTC", q.OutputMappingSkipped, "y: expected", "round_trip"),
    "constraints skipped": _layer(
        "LTC", q.ConstraintsSkipped, "implicit_param_constraints=False", "round_trip"
    ),
    "strict wiring ignored": _layer("CfC", q.StrictWiringIgnored, "strict", "values"),
    "signs ignored": _layer("NCPDense", q.SignsIgnored, "use_signs=True", "values"),
    "directions swapped": _layer(
        "RNN", q.DirectionsSwapped, "bidirectional=True", "layers_and_directions"
    ),
    "reverse reads its own time": _layer(
        "CTRNN", q.ReverseReadsItsOwnTime, "y: expected", "layers_and_directions"
    ),
    "reverse reads the time of padding": _layer(
        "LTC", q.ReverseReadsTheTimeOfPadding, "bidirectional=True", "layers_and_directions"
    ),
    "attention's mask forgotten": _layer(
        *("MultiHeadAttention", t.MaskForgotten, "y: expected"),
        *("attention_masks", "values", "hidden_steps", "padded_rows"),
    ),
    "attention's masked steps kept": _layer(
        "GroupedQueryAttention", t.MaskedStepsKeepTheirOutput, "y: expected", "hidden_steps"
    ),
    "attention's mask cut to fit": _layer(
        "MultiHeadAttention", t.MaskCutToFit, "a mask of too many steps", "mask_shapes"
    ),
    "gradient of masked steps": _arrays(
        *("MultiHeadAttention", t.GradientOfMaskedSteps(), "gradient of x"),
        "hidden_gradients",
    ),
    "gradient that should cancel": _arrays(
        "MultiHeadAttention", t.GradientThatShouldCancel(), "gradient of key.bias", "dtypes"
    ),
    "context's mask forgotten": _layer(
        "MultiHeadAttention", t.ContextMaskForgotten, "y: expected", "context"
    ),
    "context of other rows taken": _layer(
        *("GroupedQueryAttention", t.ContextOfOtherRows, "a context of other rows"),
        "attention_arguments",
    ),
    "cache starts at position 0": _layer(
        *("MultiHeadAttention", t.CacheWithoutOffset, "prefill of 0 steps"),
        *("cached_steps", "streamed_pieces"),
    ),
    "no rows cannot step": _layer(
        "MultiHeadAttention", t.NoRowsCannotStep, "IndexError", "empty_batch"
    ),
    "cache changed in place": _layer(
        *("GroupedQueryAttention", t.CacheChangedInPlace, "a cache used before"),
        *("cached_steps", "streamed_states"),
    ),
    "steps in half precision": _layer(
        "MultiHeadAttention", t.HalfPrecisionSteps, "float32", "streamed_dtypes"
    ),
    "state of other rows taken": _layer(
        *("GroupedQueryAttention", t.StateOfOtherRows, "the state of another batch"),
        *("streamed_arguments", "attention_arguments"),
    ),
    "steps though it sees later ones": _layer(
        *("MultiHeadAttention", t.StepsAnyway, "a step"),
        *("whole_sequences_only", "attention_arguments"),
    ),
    "steps without end": _layer(
        "RunningSum", t.StepsWithoutEnd, "one step more", "longest_sequence"
    ),
    "no gradient of lower layers": _arrays(
        "GRU", q.UpperLayersAlone(), "gradient of stack_0", "composed_gradients"
    ),
}

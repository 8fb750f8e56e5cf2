"""One run in memory: scale the windows, train the model, set it beside the baselines."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from ._baselines import Ridge, persistence
from ._interrupts import Interrupts
from ._loop import LoopState, Report, run_loop
from ._metrics import Errors
from ._model import Built, build_model
from ._options import LoopOptions, ModelOptions
from ._progress import Silent
from ._scaling import Scaling
from ._series import Floats
from ._trainer import InterruptedTrainingError, predict
from ._windows import SPLITS, Windows

Reporter = Callable[[Scaling, LoopState | None], AbstractContextManager[Report]]


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained model and what it is worth.

    ``forecasts`` holds, for the layer's name, "ridge" and "persistence", a forecast of every window
    in the series' unit.
    """

    windows: Windows
    scaling: Scaling
    built: Built
    ridge: Ridge
    state: LoopState
    model: ModelOptions
    loop: LoopOptions
    forecasts: dict[str, Floats]

    def errors(self, split: str = "test") -> dict[str, Errors]:
        """Model, ridge and persistence on the windows of a split."""
        part = self.windows.split == SPLITS.index(split)
        actual = self.windows.actual[part]
        return {name: Errors.of(values[part], actual) for name, values in self.forecasts.items()}

    @property
    def stopped(self) -> str:
        """Why the training ended: "epochs", "patience" or "interrupted"."""
        return (
            "interrupted" if self.state.interrupted else self.state.stopped(self.loop) or "epochs"
        )


def fit(
    windows: Windows,
    model: ModelOptions | None = None,
    loop: LoopOptions | None = None,
    *,
    report: Reporter | None = None,
    state: LoopState | None = None,
    interrupts: Interrupts | None = None,
) -> Fit:
    """Train a model on windows that ``make_windows`` split, and both baselines beside it.

    Args:
        windows: with training, validation and test windows.
        model: which layer, wiring and technology.
        loop: epochs, learning rate, patience, seed.
        report: makes what is told of the progress, from the scaling and the state to continue.
        state: where to continue.
        interrupts: holds back Ctrl-C once the loop has ended; None for nobody does.

    Raises: PluginError when nothing installed can train the layer; TrainingError when the loss
    diverges.
    """
    model, loop = model or ModelOptions(), loop or LoopOptions()
    scaling = Scaling.fit(windows.part("train"))
    batch = scaling.batch(windows)
    train, validation = (batch.take(windows.split == k) for k in (0, 1))
    built = build_model(
        model, batch, seed=loop.seed, weight_decay=loop.weight_decay, clip_norm=loop.clip_norm
    )
    with report(scaling, state) if report else nullcontext(Silent()) as listener:
        state = run_loop(
            built.layers, built.trainer, train, validation, loop, listener, state, interrupts
        )
    if not state.history:
        raise InterruptedTrainingError(
            "interrupted before the first epoch was done; nothing is saved"
        )
    ridge = Ridge.fit(windows.part("train"), windows.part("validation"))
    forecasts = {
        model.layer: scaling.forecast(windows, predict(built.trainer, batch)),
        "ridge": ridge.forecast(windows),
        "persistence": persistence(windows),
    }
    return Fit(windows, scaling, built, ridge, state, model, loop, forecasts)

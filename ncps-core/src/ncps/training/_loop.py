"""The training loop: epochs, learning rate, early stop, best parameters, all in plain NumPy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ._batch import Batch
from ._interrupts import Interrupts
from ._options import LoopOptions
from ._schedule import learning_rate
from ._trainer import Arrays, Model, Trainer, TrainingError, predict, restore, snapshot

_WARMUP_EPOCHS, _WARMUP_STEPS = 2, 100
_BATCH_SIZES, _FEWEST_STEPS = (64, 32, 16, 8), 8


@dataclass(frozen=True)
class Epoch:
    """One line of the history: mean squared errors of the scaled residual."""

    loss: float
    validation: float


@dataclass(frozen=True, eq=False)
class LoopState:
    """Where a run stands after a whole epoch; all that continuing it takes."""

    parameters: Arrays
    optimizer: Arrays
    best: Arrays
    history: tuple[Epoch, ...] = ()
    interrupted: bool = False

    @property
    def epochs(self) -> int:
        """Epochs done."""
        return len(self.history)

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 1, of the least validation error; 0 before the first."""
        errors = [epoch.validation for epoch in self.history]
        return int(np.argmin(errors)) + 1 if errors else 0

    def stopped(self, options: LoopOptions) -> str | None:
        """Why the run is over, or None while it goes on."""
        if self.epochs - self.best_epoch >= options.patience:
            return "patience"
        return "epochs" if self.epochs >= options.epochs else None


class Report(Protocol):
    """Who is told how a run goes."""

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """One batch is done; epochs count from 1."""

    def epoch(self, number: int, epoch: Epoch, best: bool) -> None:
        """One epoch is done."""


def run_loop(
    model: Model,
    trainer: Trainer,
    train: Batch,
    validation: Batch,
    options: LoopOptions,
    report: Report,
    state: LoopState | None = None,
    interrupts: Interrupts | None = None,
) -> LoopState:
    """Train until the epochs or the patience are used up; the model ends with its best parameters.

    An epoch's batches depend on seed and epoch alone, so a run continued from ``state`` takes the
    steps that it would have taken uninterrupted. Ctrl-C ends at the last whole epoch, with
    ``interrupted`` set; from then on ``interrupts`` holds back all others.

    Raises: TrainingError when the loss is not finite.
    """
    if state is None:
        state = LoopState(snapshot(model), _copy(trainer.state()), snapshot(model))
    else:
        trainer.load_state(state.optimizer)
        state = replace(state, interrupted=False)
    try:
        while state.stopped(options) is None:
            # as a continued run begins: the same numbers in another memory layout round differently
            restore(model, state.parameters)
            loss = _run_epoch(trainer, train, options, report, state.epochs + 1)
            # one assignment: Ctrl-C leaves the state of the last epoch or of this one, no mixture
            state = _advance(model, trainer, validation, options, state, loss)
            report.epoch(state.epochs, state.history[-1], state.best_epoch == state.epochs)
        (interrupts or Interrupts()).hold()
    except KeyboardInterrupt:
        state = replace(state, interrupted=True)
    restore(model, state.best)
    return state


def _run_epoch(
    trainer: Trainer, train: Batch, options: LoopOptions, report: Report, number: int
) -> float:
    """All steps of the epoch; their mean loss."""
    size = options.batch_size or _batch_size(len(train))
    steps = train.steps(size)
    warmup = min(_WARMUP_EPOCHS * steps, _WARMUP_STEPS)
    losses: list[float] = []
    for batch in train.shuffled(size, seed=(options.seed, number)):
        rate = learning_rate(
            (number - 1) * steps + len(losses),
            peak=options.learning_rate,
            warmup=warmup,
            decay=options.decay_epochs * steps,
        )
        losses.append(_finite(trainer.step(batch, rate), number, options))
        report.step(number, len(losses), steps, losses[-1])
    return float(np.mean(losses))


def _advance(
    model: Model,
    trainer: Trainer,
    validation: Batch,
    options: LoopOptions,
    state: LoopState,
    loss: float,
) -> LoopState:
    """The state after an epoch with this mean loss."""
    error = float(np.mean((predict(trainer, validation) - validation.target) ** 2))
    epoch = Epoch(loss, _finite(error, state.epochs + 1, options))
    parameters = snapshot(model)
    least = min((past.validation for past in state.history), default=math.inf)
    return LoopState(
        parameters=parameters,
        optimizer=_copy(trainer.state()),
        best=parameters if epoch.validation < least else state.best,
        history=(*state.history, epoch),
    )


def _batch_size(rows: int) -> int:
    """The largest usual size that leaves an epoch enough steps; the smallest if none does."""
    return next((s for s in _BATCH_SIZES if rows >= s * _FEWEST_STEPS), _BATCH_SIZES[-1])


def _copy(arrays: Arrays) -> Arrays:
    return {name: np.array(value) for name, value in arrays.items()}


def _finite(loss: float, epoch: int, options: LoopOptions) -> float:
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss became {loss} in epoch {epoch}; nothing is saved. Lower the learning rate, "
            f"now {options.learning_rate:g}, and look for outliers in the series"
        )
    return loss

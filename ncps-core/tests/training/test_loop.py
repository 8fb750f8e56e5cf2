"""The loop with a trainer whose every number is known beforehand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ncps.errors import ConfigError, NcpsError
from ncps.training import Batch, LoopOptions, TrainingError
from ncps.training._checkpoint import load_state, save_state
from ncps.training._loop import run_loop
from ncps.training._progress import Silent
from ncps.training._schedule import learning_rate


class Layer:
    """One parameter."""

    def __init__(self, value: float) -> None:
        self.w = np.array([value])

    def get_native(self):
        return {"w": self.w}

    def set_native(self, arrays) -> None:
        self.w = np.array(arrays["w"])


class Descent:
    """Plain descent with momentum on (w − target)²; remembers what it was given."""

    def __init__(self, layer: Layer) -> None:
        self.layer, self.speed, self.seen, self.rates = layer, np.zeros(1), [], []

    def step(self, batch: Batch, learning_rate: float) -> float:
        error = self.layer.w - batch.target[:, 0]
        self.speed = 0.5 * self.speed - learning_rate * error.mean()
        self.layer.w = self.layer.w + self.speed
        self.seen.append(batch.target[:, 0].tolist())
        self.rates.append(learning_rate)
        return float((error**2).mean())

    def predict(self, batch: Batch):
        return np.full((len(batch), 1), self.layer.w)

    def state(self):
        return {"speed": self.speed}

    def load_state(self, state) -> None:
        self.speed = np.array(state["speed"])


class Scripted(Descent):
    """Its validation predictions follow a script, one a call; its parameter counts the steps."""

    def __init__(self, layer: Layer, script: list[float]) -> None:
        super().__init__(layer)
        self.script = iter(script)

    def step(self, batch: Batch, learning_rate: float) -> float:
        self.layer.w = self.layer.w + 1
        return 1.0

    def predict(self, batch: Batch):
        return np.full((len(batch), 1), next(self.script))


def _batch(targets: list[float]) -> Batch:
    n = len(targets)
    return Batch(
        np.zeros((n, 2, 1), np.float32),
        np.ones((n, 2), np.float32),
        np.ones((n, 2), bool),
        np.zeros((n, 1), np.float32),
        np.array(targets, np.float32)[:, None],
    )


TRAIN, VALIDATION = _batch([float(k) for k in range(10)]), _batch([4.5, 4.5])


def _run(options: LoopOptions, state=None, trainer=None, start: float = 0.0):
    layer = trainer.layer if trainer else Layer(start)
    trainer = trainer or Descent(layer)
    state = run_loop({"a": layer}, trainer, TRAIN, VALIDATION, options, Silent(), state)
    return layer, trainer, state


def _options(**changes) -> LoopOptions:
    return LoopOptions(**{"epochs": 6, "batch_size": 4, "learning_rate": 0.3, **changes})


def test_loop_learns() -> None:
    layer, _, state = _run(_options(epochs=60))
    assert layer.w[0] == pytest.approx(4.5, abs=0.2)
    assert state.history[-1].validation < 0.05 * state.history[0].validation


def test_epoch_is_a_shuffle_in_full_batches() -> None:
    _, trainer, _ = _run(_options(epochs=2))
    assert [len(batch) for batch in trainer.seen] == [4, 4, 4, 4]
    a, b, c, d = trainer.seen
    first, second = a + b, c + d
    assert len(set(first)) == len(set(second)) == 8
    assert first != second


def test_batch_larger_than_the_data_is_all_of_it() -> None:
    _, trainer, _ = _run(_options(epochs=1, batch_size=64))
    assert [sorted(batch) for batch in trainer.seen] == [[float(k) for k in range(10)]]


@pytest.mark.parametrize(
    ("rows", "size"), [(5, 5), (9, 8), (127, 8), (128, 16), (511, 32), (512, 64), (9999, 64)]
)
def test_batch_size_leaves_a_short_series_enough_steps(rows: int, size: int) -> None:
    layer = Layer(0)
    trainer = Descent(layer)
    batch, options = _batch([0.0] * rows), LoopOptions(epochs=1)
    run_loop({"a": layer}, trainer, batch, VALIDATION, options, Silent())
    assert {len(seen) for seen in trainer.seen} == {size}


def test_same_seed_same_steps_and_another_seed_others() -> None:
    (_, one, first), (_, two, second), (_, other, _) = (
        _run(_options(seed=seed)) for seed in (3, 3, 4)
    )
    assert one.seen == two.seen
    assert first.history == second.history
    assert one.seen != other.seen


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_continued_run_equals_an_uninterrupted_one(stop: int, tmp_path) -> None:
    whole_layer, whole_trainer, whole = _run(_options(epochs=6))
    _, part_trainer, part = _run(_options(epochs=stop))
    save_state(part, tmp_path / "checkpoint.safetensors")
    layer, trainer, state = _run(
        _options(epochs=6), load_state(tmp_path / "checkpoint.safetensors")
    )
    assert state.history == whole.history
    assert part_trainer.seen + trainer.seen == whole_trainer.seen
    assert part_trainer.rates + trainer.rates == whole_trainer.rates
    np.testing.assert_array_equal(layer.w, whole_layer.w)
    np.testing.assert_array_equal(state.parameters["a.w"], whole.parameters["a.w"])
    np.testing.assert_array_equal(state.optimizer["speed"], whole.optimizer["speed"])


def test_early_stop_keeps_the_best_parameters() -> None:
    layer = Layer(0)
    trainer = Scripted(layer, [9.5, 5.0, 4.6, 5.0, 6.0, 4.0])
    _, _, state = _run(_options(epochs=60, patience=2, batch_size=5), trainer=trainer)
    assert state.epochs == 5
    assert state.best_epoch == 3
    assert state.stopped(_options(patience=2)) == "patience"
    # two steps an epoch, so the best epoch ended at 6
    assert layer.w[0] == state.best["a.w"][0] == 6
    assert state.parameters["a.w"][0] == 10


def test_run_whose_patience_is_used_up_does_not_go_on() -> None:
    trainer = Scripted(Layer(0), [4.5, 5.0, 6.0])
    _, _, state = _run(_options(epochs=60, patience=2), trainer=trainer)
    layer, again, after = _run(_options(epochs=90, patience=2), state)
    assert after.history == state.history
    assert again.seen == []
    assert layer.w[0] == state.best["a.w"][0]


@pytest.mark.parametrize("where", ["step", "predict"])
@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_loss_that_is_no_number_stops_with_the_reason(where: str, loss: float) -> None:
    class Broken(Descent):
        def step(self, batch: Batch, learning_rate: float) -> float:
            return loss if where == "step" and len(self.seen) == 3 else super().step(batch, 0.1)

        def predict(self, batch: Batch):
            broken = where == "predict" and len(self.seen) > 3
            return np.full((len(batch), 1), loss) if broken else super().predict(batch)

    message = r"the loss became (nan|inf) in epoch 2; nothing is saved. Lower the learning rate, "
    with pytest.raises(TrainingError, match=message + r"now 0\.3, and look for outliers"):
        _run(_options(), trainer=Broken(Layer(0)))
    assert issubclass(TrainingError, NcpsError)


def test_ctrl_c_ends_at_the_last_whole_epoch() -> None:
    class Interrupted(Descent):
        def step(self, batch: Batch, learning_rate: float) -> float:
            if len(self.seen) == 5:
                raise KeyboardInterrupt
            return super().step(batch, learning_rate)

    whole_layer, _, whole = _run(_options())
    _, _, state = _run(_options(), trainer=Interrupted(Layer(0)))
    assert state.interrupted
    assert state.history == whole.history[:2]
    layer, _, after = _run(_options(), state)
    assert not after.interrupted
    assert after.history == whole.history
    np.testing.assert_array_equal(layer.w, whole_layer.w)


def test_learning_rate_warms_up_and_falls_along_a_cosine() -> None:
    rates = [learning_rate(k, peak=2.0, warmup=4, decay=40) for k in range(60)]
    assert rates[0] == pytest.approx(0.5)
    assert rates[3] == pytest.approx(2.0, rel=0.02)
    assert rates[20] == pytest.approx(2.0 * 0.505)
    assert np.argmax(rates) == 3
    assert (np.diff(rates[3:41]) < 0).all()
    assert rates[40:] == pytest.approx([0.02] * 20)


def test_short_run_takes_the_first_steps_of_a_long_one() -> None:
    _, short, _ = _run(_options(epochs=2))
    _, long, _ = _run(_options(epochs=50))
    assert long.rates[: len(short.rates)] == short.rates


def test_checkpoint_keeps_everything(tmp_path) -> None:
    _, _, state = _run(_options(epochs=3))
    save_state(replace(state, interrupted=True), tmp_path / "c.safetensors")
    loaded = load_state(tmp_path / "c.safetensors")
    assert loaded.history == state.history
    for part in ("parameters", "optimizer", "best"):
        mine, theirs = getattr(loaded, part), getattr(state, part)
        assert mine.keys() == theirs.keys()
        assert all(np.array_equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [("epochs", 0, "at least 1"), ("learning_rate", 0.0, "a positive"), ("seed", -1, "at least 0")],
)
def test_options_that_cannot_be_are_refused(option: str, value: float, expected: str) -> None:
    with pytest.raises(ConfigError, match=f"{option} .* cannot be; expected {expected}"):
        LoopOptions(**{option: value})


@pytest.mark.parametrize("name", ["learning_rate", "clip_norm", "weight_decay"])
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_option_that_is_no_finite_number_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{name} (inf|nan) cannot be"):
        LoopOptions(**{name: value})

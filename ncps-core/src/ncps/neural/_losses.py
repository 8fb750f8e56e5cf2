"""Losses with their reductions, computed and returned in float32 or better."""

from __future__ import annotations

from typing import Any

from ncps.errors import ShapeError, unknown
from ncps.neural._activations import Activations

REDUCTIONS = ("mean", "none", "sum")
# the least probability: float32 has little below it
LEAST = 1e-37


class Losses(Activations):
    """Losses of predictions against targets.

    `reduction` is ``"mean"``, ``"sum"`` or ``"none"``: one loss for each entry. `weights`, of a
    shape that broadcasts to that of the losses, counts each of them so much: 0 leaves a padded
    step out, and the mean is Σ w l / Σ w.
    """

    def mse_loss(
        self, prediction: Any, target: Any, weights: Any = None, reduction: str = "mean"
    ) -> Any:
        """(p - t)²."""
        gap = self._gap("mse_loss", prediction, target)
        return self._reduced(gap * gap, weights, reduction)

    def mae_loss(
        self, prediction: Any, target: Any, weights: Any = None, reduction: str = "mean"
    ) -> Any:
        """|p - t|."""
        gap = self._gap("mae_loss", prediction, target)
        return self._reduced(self.xp.abs(gap), weights, reduction)

    def huber_loss(
        self,
        prediction: Any,
        target: Any,
        weights: Any = None,
        reduction: str = "mean",
        delta: float = 1.0,
    ) -> Any:
        """g²/2 for |g| ≤ δ, else δ (|g| - δ/2), with g = p - t."""
        size = self.xp.abs(self._gap("huber_loss", prediction, target))
        loss = self.xp.where(size > delta, delta * (size - 0.5 * delta), 0.5 * size * size)
        return self._reduced(loss, weights, reduction)

    def cross_entropy(
        self,
        logits: Any,
        target: Any,
        weights: Any = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> Any:
        """-log softmax(logits)[target] for logits (…, C) and target (…), integers below C.

        `label_smoothing` = s replaces the certain target by 1 - s + s/C and s/C for the others.

        Raises: ShapeError when the target is not one class for each row of logits.
        """
        if tuple(target.shape) != tuple(logits.shape[:-1]):
            raise ShapeError(
                f"cross_entropy expected a target {tuple(logits.shape[:-1])}, one class for each "
                f"row of logits {tuple(logits.shape)}, got {tuple(target.shape)}."
            )
        told = self.log_softmax(self._wide(logits))
        at = self.xp.reshape(target, (*target.shape, 1))
        loss = -self.xp.take_along_axis(told, at, axis=-1)[..., 0]
        if label_smoothing:
            spread = -self.xp.mean(told, axis=-1)
            loss = (1.0 - label_smoothing) * loss + label_smoothing * spread
        return self._reduced(loss, weights, reduction)

    def binary_cross_entropy(
        self,
        logits: Any,
        target: Any,
        weights: Any = None,
        reduction: str = "mean",
        from_logits: bool = True,
    ) -> Any:
        """-t log p - (1 - t) log(1 - p) with p = σ(logits), for any shape.

        With `from_logits=False` the first argument is p itself, cut off at 1e-37: a p that is
        certain and wrong has a finite loss.
        """
        self._same("binary_cross_entropy", logits, target)
        z, t = self._wide(logits), self._wide(target)
        if from_logits:
            loss = self.softplus(z) - t * z
        else:
            loss = -t * self._cut_log(z) - (1.0 - t) * self._cut_log(1.0 - z)
        return self._reduced(loss, weights, reduction)

    def _cut_log(self, p: Any) -> Any:
        return self.xp.log(self.xp.where(p > LEAST, p, 0.0 * p + LEAST))

    def _gap(self, loss: str, prediction: Any, target: Any) -> Any:
        self._same(loss, prediction, target)
        return self._wide(prediction) - self._wide(target)

    def _same(self, loss: str, prediction: Any, target: Any) -> None:
        if tuple(prediction.shape) != tuple(target.shape):
            raise ShapeError(
                f"{loss} expected a target {tuple(prediction.shape)} as the prediction, got "
                f"{tuple(target.shape)}. Reshape one of them: they are not broadcast."
            )

    def _reduced(self, loss: Any, weights: Any, reduction: str) -> Any:
        if reduction not in REDUCTIONS:
            raise unknown("reduction", reduction, REDUCTIONS)
        if weights is not None:
            weights = self._wide(weights) + 0.0 * loss
            loss = weights * loss
        if reduction == "none":
            return loss
        if reduction == "sum":
            return self.xp.sum(loss)
        return self.xp.mean(loss) if weights is None else self.xp.sum(loss) / self.xp.sum(weights)

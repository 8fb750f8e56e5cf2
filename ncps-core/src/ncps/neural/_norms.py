"""Affine maps, tables and normalisations, with the features on the last axis."""

from __future__ import annotations

from typing import Any

from ncps.errors import ShapeError
from ncps.neural._base import Arrays


class Norms(Arrays):
    """Linear maps, embeddings and norms; means are taken in float32 or better."""

    def linear(self, x: Any, kernel: Any, bias: Any = None) -> Any:
        """x W + b for x (…, D), kernel W (D, H), bias (H,)."""
        if tuple(kernel.shape[:-1]) != (x.shape[-1],):
            raise ShapeError(
                f"linear expected a kernel ({x.shape[-1]}, H) for x {tuple(x.shape)}, got "
                f"{tuple(kernel.shape)}. A kernel is (in, out)."
            )
        y = self.xp.matmul(x, kernel)
        return y if bias is None else y + bias

    def embedding(self, indices: Any, table: Any) -> Any:
        """The rows (…, D) of a table (N, D) at integers (…)."""
        return self.xp.take(table, indices, axis=0)

    def layer_norm(self, x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
        """(x - mean) / √(variance + ε) · w + b over the features of x (…, D).

        Source: Ba et al. 2016, arXiv:1607.06450.
        """
        self._features("layer_norm", x, weight=weight, bias=bias)
        return self._affine(self._standard(self._wide(x), -1, eps), x, weight, bias)

    def rms_norm(self, x: Any, weight: Any = None, eps: float = 1e-5) -> Any:
        """x / √(mean x² + ε) · w over the features of x (…, D).

        Source: Zhang & Sennrich 2019, arXiv:1910.07467.
        """
        self._features("rms_norm", x, weight=weight)
        wide = self._wide(x)
        square = self.xp.mean(wide * wide, axis=-1, keepdims=True)
        return self._affine(wide / self.xp.sqrt(square + eps), x, weight, None)

    def group_norm(
        self, x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
    ) -> Any:
        """Each of `groups` parts of the features of x (B, …, D), normalised over all positions.

        Raises: ShapeError when the groups do not divide the features.
        Source: Wu & He 2018, arXiv:1803.08494.
        """
        self._check_groups(x, groups, weight, bias)
        batch, size = x.shape[0], x.shape[-1]
        apart = self.xp.reshape(self._wide(x), (batch, -1, groups, size // groups))
        y = self.xp.reshape(self._standard(apart, (1, 3), eps), tuple(x.shape))
        return self._affine(y, x, weight, bias)

    def batch_norm(
        self,
        x: Any,
        mean: Any = None,
        variance: Any = None,
        weight: Any = None,
        bias: Any = None,
        eps: float = 1e-5,
    ) -> Any:
        """(x - mean) / √(variance + ε) · w + b for each feature of x (…, D).

        Without mean and variance they are those of x over all axes but the last, as in training.

        Raises: ShapeError when only one of mean and variance is given.
        Source: Ioffe & Szegedy 2015, arXiv:1502.03167.
        """
        self._features("batch_norm", x, mean=mean, variance=variance, weight=weight, bias=bias)
        wide = self._wide(x)
        if mean is None and variance is None:
            y = self._standard(wide, tuple(range(len(x.shape) - 1)), eps)
        elif mean is None or variance is None:
            raise ShapeError(
                "batch_norm expected mean and variance, or neither, got one of them. Leave both "
                "out to use those of x."
            )
        else:
            y = (wide - self._wide(mean)) / self.xp.sqrt(self._wide(variance) + eps)
        return self._affine(y, x, weight, bias)

    def _check_groups(self, x: Any, groups: int, weight: Any, bias: Any) -> None:
        self._features("group_norm", x, weight=weight, bias=bias)
        if groups < 1 or x.shape[-1] % groups:
            raise ShapeError(
                f"group_norm expected groups that divide the {x.shape[-1]} features of x, got "
                f"{groups}."
            )

    def _standard(self, x: Any, axis: int | tuple[int, ...], eps: float) -> Any:
        apart = x - self.xp.mean(x, axis=axis, keepdims=True)
        variance = self.xp.mean(apart * apart, axis=axis, keepdims=True)
        return apart / self.xp.sqrt(variance + eps)

    def _affine(self, y: Any, x: Any, weight: Any, bias: Any) -> Any:
        """y · w + b in the dtype of x."""
        y = y if weight is None else y * self._wide(weight)
        y = y if bias is None else y + self._wide(bias)
        return self.cast(y, self.dtype(x))

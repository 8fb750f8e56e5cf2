"""Each operation on each back end, in each dtype: values and gradients of the float64 meaning."""

from __future__ import annotations

import meanings
import numpy as np
import operations
import pytest

from ncps.neural import OPERATIONS, create_neural_backend
from ncps.testing import TOLERANCES

DTYPES = ("float32", "bfloat16", "float16")


def test_every_operation_has_a_case() -> None:
    assert {case.operation for case in operations.CASES} == set(OPERATIONS)


@pytest.mark.parametrize("case", operations.CASES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_operation_and_its_gradients_are_those_of_the_meaning(name, dtype, case) -> None:
    F = create_neural_backend(name, dtype).functional
    arrays = [F.array(x, dtype) for x in case.inputs()]
    rounded = [np.asarray(F.numpy(x), np.float64) for x in arrays]
    expected = np.asarray(case.meaning(*rounded))
    cotangent = np.random.default_rng(7).standard_normal(expected.shape)

    got = case.call(F, *arrays)
    loss = case.operation.endswith(("_loss", "entropy"))
    assert F.dtype(got) == ("float32" if loss else dtype)
    np.testing.assert_allclose(F.numpy(got), expected, **TOLERANCES[dtype].values)

    def total(*given):
        y = F.cast(case.call(F, *given), "float32")
        return F.xp.sum(y * F.array(cotangent, "float32"))

    _, gradients = F.value_and_grad(total)(*arrays)
    bounds = TOLERANCES[dtype].gradients
    for found, wanted in zip(
        gradients, meanings.slope(case.meaning, rounded, cotangent), strict=True
    ):
        assert F.dtype(found) == dtype
        allowed = bounds["atol"] + bounds["rtol"] * np.linalg.norm(wanted)
        np.testing.assert_allclose(F.numpy(found), wanted, rtol=0, atol=allowed)

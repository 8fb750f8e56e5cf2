"""The table at the end of a run: the held-out error beside the two baselines."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from ._fit import Fit
from ._metrics import Errors


def summary_table(fit: Fit) -> Table:
    """Test errors of the model, ridge and persistence, and how much better the model is."""
    errors: Mapping[str, Errors] = fit.errors()
    series, name = fit.windows.series, fit.model.layer
    unit = f" [{series.unit}]" if series.unit else ""
    table = Table(
        # as Text, for brackets in a unit or a name are no markup
        title=Text(
            f"held-out error, {series.clock.describe(fit.windows.horizon)} ahead, "
            f"{errors[name].windows} test windows"
        ),
        title_justify="left",
    )
    table.add_column("")
    for column in (f"MAE{unit}", f"RMSE{unit}", f"{name} is"):
        table.add_column(Text(column), justify="right")
    for which, error in errors.items():
        mine, other = errors[name].mae, error.mae
        text = "" if which == name or not other else _compare(mine / other)
        style = "bold" if which == name else ""
        table.add_row(Text(which), f"{error.mae:.4g}", f"{error.rmse:.4g}", text, style=style)
    return table


def _compare(ratio: float) -> str:
    return f"{abs(1 - ratio):.0%} {'better' if ratio < 1 else 'worse'}"

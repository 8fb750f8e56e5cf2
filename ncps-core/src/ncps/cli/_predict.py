"""`ncps predict`: forecasts of a trained folder, in any technology that is installed."""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ncps.errors import ConfigError

if TYPE_CHECKING:
    from ncps.training import Forecast

_HEADER = ("time", "forecast_time", "forecast", "actual")


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to the parser."""
    summary = "forecast a series with a trained folder"
    parser = subparsers.add_parser(
        "predict",
        help=summary,
        description=f"{summary.capitalize()}, for every window of it and beyond its end: "
        "a CSV of the last observation's time, the time of the forecast, the forecast, and the "
        "actual value where it is known.",
    )
    add = parser.add_argument
    add("folder", metavar="FOLDER", type=Path, help="what ncps train wrote")
    add("series", metavar="SERIES", help="a CSV with a time column, or co2")
    add("--technology", help="where the layers come from; numpy needs no framework")
    add("--framework", help="the same by framework")
    add("--out", metavar="FILE", type=Path, help="write the CSV here (standard output)")
    add(
        "--drop",
        type=float,
        metavar="FRACTION",
        help="drop this part at random; by default what the training dropped if SERIES is its "
        "series, so that the held-out error is the training's, and nothing for another series",
    )
    add("--time", metavar="COLUMN", help="time column (called as in the training)")
    add("--value", metavar="COLUMN", help="column to forecast (called as in the training)")


def run(arguments: argparse.Namespace) -> int:
    """Write the forecasts as CSV and, beside it, the error where the actual values are known."""
    from ncps.training import forecast

    given = {name: getattr(arguments, name) for name in ("time", "value")}
    _check_out(arguments.out, arguments.series)
    result = forecast(
        arguments.folder,
        arguments.series,
        technology=arguments.technology,
        framework=arguments.framework,
        drop=arguments.drop,
        columns={name: column for name, column in given.items() if column is not None},
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    writer.writerows(result.rows())
    if arguments.out is not None:
        _write(arguments.out, text.getvalue())
        print(f"{_summary(result)}; written to {arguments.out}")
    else:
        sys.stdout.write(text.getvalue())
        print(_summary(result), file=sys.stderr)
    return 0


def _summary(result: Forecast) -> str:
    parts = [f"{len(result.values)} forecasts by {result.provider}"]
    if result.windows.series.dropped:
        parts.append(f"{result.windows.series.dropped} observations dropped")
    for name, errors in result.errors().items():
        if errors.windows:
            parts.append(
                f"{'held-out' if name == 'test' else name} MAE {errors.mae:.4g} {result.unit} "
                f"over {errors.windows}"
            )
    return "; ".join(parts)


def _check_out(out: Path | None, series: str) -> None:
    if out is None:
        return
    if Path(series).exists() and out.exists() and out.samefile(series):
        raise ConfigError(f"--out {out} is the series itself; name another file")
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise ConfigError(f"--out {out} cannot be written; name a file in a folder that exists")


def _write(out: Path, text: str) -> None:
    """Write beside the file, then rename, so that no half-written CSV is ever there.

    What is no file, such as /dev/stdout, is written to as it is.
    """
    draft = Path(os.path.realpath(out))
    try:
        if out.exists() and not out.is_file():
            out.write_text(text, "utf-8")
            return
        place, draft = draft, draft.with_name(f".{draft.name}.part")
        try:
            draft.write_text(text, "utf-8")
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be written: {error.strerror or error}") from error

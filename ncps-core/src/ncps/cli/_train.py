"""`ncps train`: from a series to a folder with a trained model, its errors and its pictures."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ncps.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from ncps.training import Fit, TrainOptions
    from ncps.training._job import ReporterOf

_EPILOG = """\
the defaults, and why:
  A window is seen relative to its last value, and the change from there is
  forecast, so a trend does not carry the series out of the range that the model
  knows. Beside its value, every observation has its age at the time of the
  forecast, so that seasons can be read off irregular samples; its timespan is
  the time since the observation before, over the median gap. The target is an
  observation, the one nearest to the horizon; nothing is interpolated, and the
  true lead is given to the model and to ridge. Split by time: 70 % of the
  observations to train, 15 % to stop and to choose ridge's penalty, 15 % held
  out. Scaling is fitted on the training part alone.
  Let a window span a season, if there is one. 32 neurons train in minutes on a
  CPU and suit a few thousand observations; for more, try auto:64 or auto:128.
  The learning rate falls over --decay-epochs, whatever --epochs is, so that a
  run that is continued gives the numbers of one long run; raise both for more.

examples:
  ncps train co2 --drop 0.5 --horizon 4w
  ncps train level.csv --time when --value level --horizon 6h
  ncps train level.csv --layer LSTM --units 32 --out level-lstm
  ncps train --resume co2-CfC --epochs 120
"""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to the parser."""
    summary = "train a model on a series, beside two baselines"
    parser = subparsers.add_parser(
        "train",
        help=summary,
        description=f"{summary.capitalize()}: ridge and the last value.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # an option that was not given is absent, so that --resume can tell
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "series",
        metavar="SERIES",
        nargs="?",
        help="a CSV with a time column, or co2 (weekly, Mauna Loa)",
    )
    _add_data(parser.add_argument_group("data"))
    _add_model(parser.add_argument_group("model"))
    _add_loop(parser.add_argument_group("training"))
    _add_output(parser.add_argument_group("output"))


def _add_data(group: Any) -> None:
    add = group.add_argument
    add("--time", metavar="COLUMN", help="time column (one called time or date, else the first)")
    add("--value", metavar="COLUMN", help="column to forecast (the last one with numbers)")
    add("--features", metavar="A,B", type=_names, help="further columns that the model sees (none)")
    add("--unit", help="unit of the values (what stands in brackets in the column's name)")
    add("--horizon", help="how far ahead: 4w, 30d, 6h; a number for numbers (4 median gaps)")
    add("--tolerance", help="how far from the horizon a target may lie (a quarter of it)")
    add("--window", type=int, help="observations that the model looks back on (48)")
    add(
        "--drop",
        type=float,
        metavar="FRACTION",
        help="drop this part of the observations at random (0)",
    )


def _add_model(group: Any) -> None:
    add = group.add_argument
    add("--layer", help="recurrent layer (CfC)")
    add("--wiring", help="auto:UNITS[,OUTPUTS], full:…, random:…[:SPARSITY], ncp:I,C,M (auto:32)")
    add("--units", type=int, help="neurons of a layer without a wiring (32)")
    add("--mode", help="mode of the layer; CfC has default, pure, no_gate")
    add("--set", metavar="KEY=VALUE", action="append", help="another option of the layer")
    add("--technology", help="where the layer comes from (the registry's choice)")
    add("--framework", help="the same by framework")


def _add_loop(group: Any) -> None:
    add = group.add_argument
    add("--epochs", type=int, help="at most this many passes over the training windows (60)")
    add("--patience", type=int, help="stop after so many epochs with no better validation (20)")
    add("--batch-size", type=int, help="windows per step (64, fewer for a short series)")
    add("--learning-rate", type=float, help="peak of AdamW's rate (0.005)")
    add("--decay-epochs", type=int, help="epochs over which the rate falls, as a cosine (60)")
    add("--weight-decay", type=float, help="AdamW's weight decay (0.01)")
    add("--clip-norm", type=float, help="largest norm of the gradient (1)")
    add("--seed", type=int, help="seed of all that is random (0)")


def _add_output(group: Any) -> None:
    add = group.add_argument
    add("--out", metavar="FOLDER", type=Path, help="new folder to write (SERIES-LAYER)")
    add("--resume", metavar="FOLDER", type=Path, help="continue the run of this folder, in place")


def run(arguments: argparse.Namespace) -> int:
    """Train or continue; 130 when Ctrl-C ended the training early."""
    from rich.console import Console

    from ncps.training import InterruptedTrainingError, resume, summary_table, train

    given = vars(arguments)
    out = given.get("out")
    console = Console(soft_wrap=True, emoji=False)
    report = _reporter(console)

    def note(text: str) -> None:
        console.print(text, highlight=False, markup=False)

    try:
        if "resume" in given:
            folder: Path = given["resume"]
            _check_unchanged(given, folder)
            changes = {name: given.get(name) for name in ("epochs", "patience")}
            changes["source"] = given.get("series")
            fit, folder = resume(folder, **changes, out=out, report=report, note=note)
        elif "series" in given:
            fit, folder = train(_options(given), out, report=report, note=note)
        else:
            raise ConfigError("expected SERIES, a CSV or co2, or --resume FOLDER")
    except InterruptedTrainingError as error:
        print(f"ncps: {error}", file=sys.stderr)
        return 130
    console.print(summary_table(fit))
    note(f"{_ending(fit)}; written to {folder}")
    if fit.state.interrupted:
        note(f"continue with: ncps train --resume {folder}")
    return 130 if fit.state.interrupted else 0


def _options(given: Mapping[str, Any]) -> TrainOptions:
    from ncps.training import DataOptions, LoopOptions, ModelOptions, TrainOptions

    layer_options = dict(_setting(text) for text in given.get("set", ()))
    if "mode" in given:
        layer_options["mode"] = given["mode"]
    named = {**given, "source": given["series"], "options": layer_options}

    def part(kind: type[Any]) -> Any:
        return kind(**{f.name: named[f.name] for f in fields(kind) if f.name in named})

    return TrainOptions(data=part(DataOptions), model=part(ModelOptions), loop=part(LoopOptions))


def _check_unchanged(given: Mapping[str, Any], folder: Path) -> None:
    """ConfigError when an option beside --resume asks for another run than the folder's."""
    from ncps.training._config import read_config

    old = read_config(folder).options.to_config()
    new = _options({**given, "series": old["data"]["source"]}).to_config()
    named = {"options": "set"}
    for part, options in new.items():
        for name, value in options.items():
            word = named.get(name, name)
            asked = word in given or (name == "options" and "mode" in given)
            if asked and name not in ("epochs", "patience") and value != old[part][name]:
                raise ConfigError(
                    f"{word} {value!r} differs from the run of {folder}, {old[part][name]!r}; "
                    "only epochs, patience and out may change with --resume"
                )


def _reporter(console: Console) -> ReporterOf:
    from ncps.training import ProgressReport

    def of(windows: Any, options: TrainOptions) -> Any:
        def make(scaling: Any, state: Any) -> ProgressReport:
            return ProgressReport(
                console,
                options.loop.epochs,
                done=state.epochs if state else 0,
                scale=scaling.target_scale,
                unit=windows.series.unit,
            )

        return make

    return of


def _ending(fit: Fit) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in fit.windows.counts().items())
    why = {"patience": "no better for a while", "epochs": "all epochs done"}
    return (
        f"{fit.built.provider}: best epoch {fit.state.best_epoch} of {fit.state.epochs} "
        f"({why.get(fit.stopped, fit.stopped)}); windows: {counts}"
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE, the value as JSON where it is JSON, else as text."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ConfigError(f"--set {text!r} is not KEY=VALUE")
    try:
        return key.strip(), json.loads(value)
    except ValueError:
        return key.strip(), value.strip()

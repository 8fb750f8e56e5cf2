"""The support matrix: which technology offers which layer, and what the kit says of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ncps.testing._verify import FAIL, GAP, Result

NOT_OFFERED = "–"


def support_matrix(columns: Mapping[str, Sequence[Result]]) -> str:
    """Markdown: a row for each layer, a column for each technology, and the gaps with reasons.

    `columns` maps a heading, such as ``"ncps on torch"``, to the results of one run of `verify`.
    A cell is the number of checks that passed; ``31, 1 gap`` when one failed as declared;
    ``2 FAIL`` when two failed otherwise; ``–`` when the technology does not offer the layer.
    """
    layers = sorted({r.layer for results in columns.values() for r in results}, key=str.lower)
    rows = [[layer, *(_cell(results, layer) for results in columns.values())] for layer in layers]
    lines = [_row(["layer", *columns]), _row(["---"] * (len(columns) + 1)), *map(_row, rows)]
    reasons = _reasons(columns)
    if reasons:
        lines += ["", *reasons]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(results: Sequence[Result], layer: str) -> str:
    outcomes = [r.outcome for r in results if r.layer == layer]
    if not outcomes:
        return NOT_OFFERED
    failed, gaps = outcomes.count(FAIL), outcomes.count(GAP)
    parts = [str(len(outcomes) - failed - gaps)]
    parts += [f"{gaps} gap{'s' if gaps > 1 else ''}"] if gaps else []
    parts += [f"**{failed} FAIL**"] if failed else []
    return ", ".join(parts)


def _reasons(columns: Mapping[str, Sequence[Result]]) -> list[str]:
    """One line for each gap or failure, with every column that has it."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for column, results in columns.items():
        for r in results:
            if r.reason is not None:
                key = (r.outcome, r.layer, r.check, r.reason.partition("\n")[0])
                found.setdefault(key, []).append(column)
    return [
        f"- {outcome}: {layer}, `{check}`, in {', '.join(where)}: {reason}"
        for (outcome, layer, check, reason), where in found.items()
    ]

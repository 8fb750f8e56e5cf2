"""The one tree of errors. Each also is the built-in error that a caller would expect there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NcpsError(Exception):
    """Base of every error that ncps raises on purpose."""


class ConfigError(NcpsError, ValueError):
    """A config file or environment variable says something that cannot be followed."""


class PluginError(NcpsError, ImportError):
    """A plugin, or the framework it needs, is missing, broken or incompatible."""


class UnknownNameError(NcpsError, ValueError):
    """A name that is not known: of a layer, technology, option, key."""


class SpecError(NcpsError, ValueError):
    """A layer was described with a value that it cannot have."""


class WiringError(NcpsError, ValueError):
    """A wiring was described or used in a way that it cannot be."""


class ShapeError(NcpsError, ValueError):
    """An array does not have the shape that was expected."""


class IndicesError(NcpsError, IndexError):
    """Indices into a table that are no integers, or that point outside of it."""


class BuildError(NcpsError, RuntimeError):
    """A layer is used before its input size is known, or built where it cannot be."""


class ParameterError(NcpsError, ValueError):
    """Parameters do not fit the layer: wrong name, shape or dtype."""


class SolverError(NcpsError, ArithmeticError):
    """A differential equation cannot be solved as it was asked."""


class ConversionError(NcpsError, ValueError):
    """A layer cannot become one of another technology, or computes something else there."""


class MixedError(NcpsError, RuntimeError):
    """A layer of one technology cannot be part of a model of another, or not in such a call."""


class FileFormatError(NcpsError, ValueError):
    """A file is not what was expected: wrong format, schema or content."""


class CheckpointWarning(UserWarning):
    """A checkpoint loads, and the layer computes something else with it than where it was made."""


class DataError(NcpsError, ValueError):
    """A data file cannot be used; the message names row and column."""


def unknown(kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """The error for an unknown name, with the nearest match and all known names."""
    names = sorted(known)
    by_fold = {candidate.casefold(): candidate for candidate in names}
    near = difflib.get_close_matches(str(name).casefold(), by_fold, n=1, cutoff=0.5)
    hint = f" Did you mean {by_fold[near[0]]!r}?" if near else ""
    listing = ", ".join(names) if names else "none"
    return UnknownNameError(f"unknown {kind} {name!r}.{hint} Known: {listing}")

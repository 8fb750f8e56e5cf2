"""From one technology to another: conversion, comparison, recording, foreign checkpoints."""

from __future__ import annotations

from ncps.conversion._compare import Comparison as Comparison
from ncps.conversion._compare import Difference as Difference
from ncps.conversion._compare import compare as compare
from ncps.conversion._convert import convert as convert
from ncps.conversion._convert import has_own_code as has_own_code
from ncps.conversion._file import ConvertedLayer as ConvertedLayer
from ncps.conversion._file import convert_file as convert_file
from ncps.conversion._native import convert_parameters as convert_parameters
from ncps.conversion._native import from_native as from_native
from ncps.conversion._native import to_native as to_native
from ncps.conversion._pretrained import Reader as Reader
from ncps.conversion._pretrained import from_pretrained as from_pretrained
from ncps.conversion._record import record as record
from ncps.conversion.tolerances import TOLERANCES as TOLERANCES

"""Canonical parameters: one set of names and shapes per layer, for every technology."""

from __future__ import annotations

from ncps.canonical._files import load as load
from ncps.canonical._files import save as save
from ncps.canonical._files import write_atomically as write_atomically
from ncps.canonical._layer import Layer as Layer
from ncps.canonical._maps import ParameterMap as ParameterMap
from ncps.canonical._maps import Rename as Rename
from ncps.canonical._maps import ResetBias as ResetBias
from ncps.canonical._maps import Reshape as Reshape
from ncps.canonical._maps import Rule as Rule
from ncps.canonical._maps import SplitGates as SplitGates
from ncps.canonical._maps import SumBias as SumBias
from ncps.canonical._maps import Transpose as Transpose
from ncps.canonical._natives import Kind as Kind
from ncps.canonical._natives import Natives as Natives
from ncps.canonical._parameters import build as build
from ncps.canonical._parameters import check_parameters as check_parameters
from ncps.canonical._parameters import load_parameters as load_parameters
from ncps.canonical._parameters import parameters as parameters

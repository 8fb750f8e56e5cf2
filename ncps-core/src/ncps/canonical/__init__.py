"""Canonical parameters: one set of names and shapes per layer, for every technology."""

from __future__ import annotations

from ncps.canonical._composed import Inside as Inside
from ncps.canonical._composed import composed_map as composed_map
from ncps.canonical._files import Saved as Saved
from ncps.canonical._files import is_saved as is_saved
from ncps.canonical._files import load as load
from ncps.canonical._files import make as make
from ncps.canonical._files import read as read
from ncps.canonical._files import save as save
from ncps.canonical._files import saved as saved
from ncps.canonical._files import write as write
from ncps.canonical._files import write_atomically as write_atomically
from ncps.canonical._fill import fill as fill
from ncps.canonical._fill import with_parameters as with_parameters
from ncps.canonical._layer import Layer as Layer
from ncps.canonical._layouts import Layout as Layout
from ncps.canonical._layouts import layout_of as layout_of
from ncps.canonical._layouts import to_canonical as to_canonical
from ncps.canonical._layouts import to_native as to_native
from ncps.canonical._maps import Array as Array
from ncps.canonical._maps import Arrays as Arrays
from ncps.canonical._maps import ParameterMap as ParameterMap
from ncps.canonical._maps import Permute as Permute
from ncps.canonical._maps import Rename as Rename
from ncps.canonical._maps import ResetBias as ResetBias
from ncps.canonical._maps import Reshape as Reshape
from ncps.canonical._maps import Rule as Rule
from ncps.canonical._maps import SplitGates as SplitGates
from ncps.canonical._maps import SumBias as SumBias
from ncps.canonical._maps import Transpose as Transpose
from ncps.canonical._models import Leaf as Leaf
from ncps.canonical._models import children as children
from ncps.canonical._models import describe as describe
from ncps.canonical._models import framework_of as framework_of
from ncps.canonical._models import joined as joined
from ncps.canonical._models import leaves as leaves
from ncps.canonical._models import located as located
from ncps.canonical._models import meaning as meaning
from ncps.canonical._models import natives_of as natives_of
from ncps.canonical._natives import Kind as Kind
from ncps.canonical._natives import Natives as Natives
from ncps.canonical._parameters import build as build
from ncps.canonical._parameters import check_parameters as check_parameters
from ncps.canonical._parameters import load_parameters as load_parameters
from ncps.canonical._parameters import parameters as parameters

"""What happens when nobody is named, and when each of the technologies in argv is."""

from __future__ import annotations

import json
import sys
import time
import warnings

import ncps

slept: list[float] = []
time.sleep = slept.append
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    ranked = [ncps.create("Dense", units=1).technology for _ in range(3)]
warned = [str(warning.message) for warning in caught]

named = {}
for word in sys.argv[1:]:
    try:
        ncps.create("Dense", technology=word, units=1)
    except ncps.NcpsError as error:
        cause = error.__cause__
        named[word] = [type(error).__name__, str(error), cause and type(cause).__name__]

before = list(slept)
slow = ncps.create("Dense", technology="slow", units=1).technology
others = {
    "acme-good": ncps.create("Dense", technology="acme-good", units=1).technology,
    "unversioned": ncps.create("Dense", technology="unversioned", units=1).technology,
    "numpy": [
        type(ncps.create(layer, technology="numpy", input_size=2, units=3)).__name__
        for layer in ("CfC", "LTC", "CTRNN", "LSTM", "GRU", "RNN", "Dense")
    ],
}
told = {"ranked": ranked, "warned": warned, "named": named, "others": others}
json.dump(told | {"slept": [before, slow, slept]}, sys.stdout)

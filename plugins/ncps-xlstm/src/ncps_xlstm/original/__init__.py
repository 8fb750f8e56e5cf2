"""The modules of the PyPI package xlstm 2.0.6 themselves, as the technology ``xlstm.original``.

Importing this package imports nothing; `layers` needs torch, xlstm and, for xLSTM Large,
mlstm_kernels.
"""

from __future__ import annotations

"""The math: tensors in, tensors out; nothing here knows a layer or a spec."""

from __future__ import annotations

from ncps_hyena.torch.kernels._filters import Numbers as Numbers
from ncps_hyena.torch.kernels._filters import filters_plain as filters_plain
from ncps_hyena.torch.kernels._filters_scan import FiltersScan as FiltersScan
from ncps_hyena.torch.kernels._filters_scan import filters_forward as filters_forward
from ncps_hyena.torch.kernels._gated import Arguments as Arguments
from ncps_hyena.torch.kernels._gated import gated_plain as gated_plain
from ncps_hyena.torch.kernels._gated_native import NativeScan as NativeScan
from ncps_hyena.torch.kernels._gated_native import fits_native as fits_native
from ncps_hyena.torch.kernels._gated_native import native_forward as native_forward
from ncps_hyena.torch.kernels._gated_native import native_spectra_of as native_spectra_of
from ncps_hyena.torch.kernels._gated_scan import GatedScan as GatedScan
from ncps_hyena.torch.kernels._gated_scan import gated_forward as gated_forward
from ncps_hyena.torch.kernels._gated_scan import spectra_of as spectra_of
from ncps_hyena.torch.kernels._long import long_plain as long_plain
from ncps_hyena.torch.kernels._projections import Inward as Inward
from ncps_hyena.torch.kernels._projections import Outward as Outward
from ncps_hyena.torch.kernels._projections import inward_plain as inward_plain
from ncps_hyena.torch.kernels._projections import outward_plain as outward_plain
from ncps_hyena.torch.kernels._short import next_tail as next_tail
from ncps_hyena.torch.kernels._short import short_plain as short_plain
from ncps_hyena.torch.kernels._stream import Stream as Stream
from ncps_hyena.torch.kernels._stream import StreamFilter as StreamFilter
from ncps_hyena.torch.kernels._stream import stream as stream

"""Training on a series: the half that is the same in every framework.

``load_series`` reads a CSV, ``make_windows`` cuts it, ``fit`` trains a model beside two baselines,
``forecast`` runs a trained folder; ``train`` does it all as ``ncps train`` does.
"""

from __future__ import annotations

from ._baselines import Ridge as Ridge
from ._baselines import persistence as persistence
from ._batch import Batch as Batch
from ._fit import Fit as Fit
from ._fit import fit as fit
from ._forecast import Forecast as Forecast
from ._forecast import forecast as forecast
from ._job import resume as resume
from ._job import train as train
from ._metrics import Errors as Errors
from ._options import DataOptions as DataOptions
from ._options import LoopOptions as LoopOptions
from ._options import ModelOptions as ModelOptions
from ._options import TrainOptions as TrainOptions
from ._progress import ProgressReport as ProgressReport
from ._report import summary_table as summary_table
from ._scaling import Scaling as Scaling
from ._series import Series as Series
from ._series import load_series as load_series
from ._trainer import InterruptedTrainingError as InterruptedTrainingError
from ._trainer import Trainer as Trainer
from ._trainer import TrainingError as TrainingError
from ._windows import Windows as Windows
from ._windows import all_windows as all_windows
from ._windows import make_windows as make_windows

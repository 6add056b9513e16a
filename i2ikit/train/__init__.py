"""Training: train a model on data, resume a run, and write the files of a run.

The names are imported when they are first used, so that the options of a training can be shown without torch.
"""

from typing import TYPE_CHECKING

from i2ikit.lazy import attach

if TYPE_CHECKING:  # the list of the names
    from i2ikit.train.batches import TrainingData as TrainingData
    from i2ikit.train.ema import Averages as Averages
    from i2ikit.train.loggers import Logger as Logger
    from i2ikit.train.loggers import TensorBoard as TensorBoard
    from i2ikit.train.new_run import start_run as start_run
    from i2ikit.train.options import FitOptions as FitOptions
    from i2ikit.train.resumed_run import resume_run as resume_run
    from i2ikit.train.signals import TrainingInterrupted as TrainingInterrupted
    from i2ikit.train.trainer import Trainer as Trainer
    from i2ikit.train.whole_run import fit as fit
    from i2ikit.train.whole_run import resume as resume

__getattr__, __dir__, __all__ = attach(__name__)

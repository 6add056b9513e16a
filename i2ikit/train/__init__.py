"""Training: fit a model to data, resume a run, and what a run leaves behind."""

from i2ikit.train.ema import Averages
from i2ikit.train.feeds import Source
from i2ikit.train.fit import fit
from i2ikit.train.journal import TensorBoard, Tracker
from i2ikit.train.options import FitOptions
from i2ikit.train.resume import resume
from i2ikit.train.signals import TrainingInterrupted

__all__ = ["Averages", "FitOptions", "Source", "TensorBoard", "Tracker", "TrainingInterrupted", "fit", "resume"]

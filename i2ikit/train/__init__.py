"""Training: train a model on data, resume a run, and write the files of a run."""

from i2ikit.train.batches import TrainingData
from i2ikit.train.ema import Averages
from i2ikit.train.fit import fit
from i2ikit.train.loggers import Logger, TensorBoard
from i2ikit.train.options import FitOptions
from i2ikit.train.resume import resume
from i2ikit.train.signals import TrainingInterrupted

__all__ = ["Averages", "FitOptions", "Logger", "TensorBoard", "TrainingData", "TrainingInterrupted", "fit", "resume"]

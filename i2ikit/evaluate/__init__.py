"""Measuring models: distances to true images, attribute accuracy, diversity and parameter counts, each number with its protocol."""

from i2ikit.evaluate.classifier import Classifier
from i2ikit.evaluate.diversity import multiscale, pairwise
from i2ikit.evaluate.measure import evaluate
from i2ikit.evaluate.metrics import L1, PSNR, SSIM, l1, psnr, ssim, unit
from i2ikit.evaluate.parameters import Parameters, count_parameters
from i2ikit.evaluate.protocol import Number, ProtocolError, compare
from i2ikit.evaluate.reference import Reference, load_reference, reference_classifier
from i2ikit.evaluate.report import Report
from i2ikit.evaluate.resize import Preparation
from i2ikit.evaluate.run import evaluate_run

__all__ = [
    "L1", "PSNR", "SSIM", "Classifier", "Number", "Parameters", "Preparation", "ProtocolError", "Reference", "Report",
    "compare", "count_parameters", "evaluate", "evaluate_run", "l1", "load_reference", "multiscale", "pairwise", "psnr",
    "reference_classifier", "ssim", "unit",
]  # fmt: skip

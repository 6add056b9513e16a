"""Measuring models: distances to targets, what classifiers and perceptual networks see, diversity, sizes; each number with its protocol."""

from i2ikit.evaluate.classifier import Classifier
from i2ikit.evaluate.distribution import FID, KID, frechet_distance, kernel_distance
from i2ikit.evaluate.diversity import multiscale, pairwise
from i2ikit.evaluate.extractor import Extractor, own_extractor
from i2ikit.evaluate.inception import load_classifier, load_inception
from i2ikit.evaluate.lpips import LPIPS, LPIPSDiversity, perceptual_diversity
from i2ikit.evaluate.measure import evaluate
from i2ikit.evaluate.metrics import L1, PSNR, SSIM, EdgeEnergy, edge_energy, l1, psnr, ssim, unit
from i2ikit.evaluate.pairs_as_domains import Sides
from i2ikit.evaluate.parameters import Parameters, count_parameters
from i2ikit.evaluate.perceptual import PerceptualDistance, load_lpips, own_distance
from i2ikit.evaluate.protocol import Number, ProtocolError, compare
from i2ikit.evaluate.reference import Reference, load_reference, reference_classifier
from i2ikit.evaluate.report import Report
from i2ikit.evaluate.resize import Preparation
from i2ikit.evaluate.run import evaluate_run
from i2ikit.evaluate.scores import ConditionalInceptionScore, InceptionScore

__all__ = [
    "FID", "KID", "L1", "LPIPS", "PSNR", "SSIM", "Classifier", "ConditionalInceptionScore", "EdgeEnergy", "Extractor", "InceptionScore",
    "LPIPSDiversity", "Number", "Parameters", "PerceptualDistance", "Preparation", "ProtocolError", "Reference", "Report", "Sides",
    "compare", "count_parameters", "edge_energy", "evaluate", "evaluate_run", "frechet_distance", "kernel_distance", "l1",
    "load_classifier", "load_inception", "load_lpips", "load_reference", "multiscale", "own_distance", "own_extractor", "pairwise",
    "perceptual_diversity", "psnr", "reference_classifier", "ssim", "unit",
]  # fmt: skip

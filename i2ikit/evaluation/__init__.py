"""Evaluation of models: distances to targets, accuracy, perceptual metrics, diversity and parameter counts, each with its protocol."""

from i2ikit.evaluation.classifier import Classifier
from i2ikit.evaluation.distribution import FID, KID, frechet_distance, kernel_distance
from i2ikit.evaluation.diversity import multiscale_diversity, pairwise_diversity
from i2ikit.evaluation.evaluation_classifier import EvaluationClassifier, load_evaluation_classifier, make_evaluation_classifier
from i2ikit.evaluation.extractor import Extractor, make_classifier_extractor
from i2ikit.evaluation.inception import load_inception, load_inception_classifier
from i2ikit.evaluation.lpips import LPIPS, LPIPSDiversity, perceptual_diversity
from i2ikit.evaluation.measure import evaluate
from i2ikit.evaluation.metrics import MAE, PSNR, SSIM, EdgeEnergy, edge_energy, mae, psnr, ssim, to_unit_range
from i2ikit.evaluation.pairs_as_domains import PairsAsDomains
from i2ikit.evaluation.parameters import ParameterCounts, count_parameters
from i2ikit.evaluation.perceptual import PerceptualDistance, load_lpips, make_classifier_distance
from i2ikit.evaluation.protocol import Number, ProtocolError, compare
from i2ikit.evaluation.report import Report
from i2ikit.evaluation.resize import Preparation
from i2ikit.evaluation.run import evaluate_run
from i2ikit.evaluation.scores import ConditionalInceptionScore, InceptionScore

__all__ = [
    "FID", "KID", "LPIPS", "MAE", "PSNR", "SSIM", "Classifier", "ConditionalInceptionScore", "EdgeEnergy", "EvaluationClassifier",
    "Extractor", "InceptionScore", "LPIPSDiversity", "Number", "PairsAsDomains", "ParameterCounts", "PerceptualDistance", "Preparation",
    "ProtocolError", "Report", "compare", "count_parameters", "edge_energy", "evaluate", "evaluate_run", "frechet_distance",
    "kernel_distance", "load_evaluation_classifier", "load_inception", "load_inception_classifier", "load_lpips", "mae",
    "make_classifier_distance", "make_classifier_extractor", "make_evaluation_classifier", "multiscale_diversity", "pairwise_diversity",
    "perceptual_diversity", "psnr", "ssim", "to_unit_range",
]  # fmt: skip

"""Evaluation of models: distances to targets, accuracy, perceptual metrics, diversity and parameter counts, each with its protocol."""

from i2ikit.evaluation.classifier import Classifier
from i2ikit.evaluation.distribution import FrechetInceptionDistance, KernelInceptionDistance, frechet_distance, kernel_distance
from i2ikit.evaluation.diversity import multiscale_diversity, pairwise_diversity
from i2ikit.evaluation.evaluation_classifier import EvaluationClassifier, load_evaluation_classifier, make_evaluation_classifier
from i2ikit.evaluation.extractor import Extractor, make_classifier_extractor
from i2ikit.evaluation.inception import load_inception, load_inception_classifier
from i2ikit.evaluation.lpips import LearnedPerceptualImagePatchSimilarity, LPIPSDiversity, perceptual_diversity
from i2ikit.evaluation.measure import evaluate
from i2ikit.evaluation.metrics import (
    EdgeEnergy,
    MeanAbsoluteError,
    PeakSignalNoiseRatio,
    StructuralSimilarityIndexMeasure,
    edge_energy,
    mean_absolute_error,
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
    to_unit_range,
)
from i2ikit.evaluation.pairs_as_domains import PairsAsDomains
from i2ikit.evaluation.parameters import ParameterCounts, count_parameters
from i2ikit.evaluation.perceptual import PerceptualDistance, load_lpips, make_classifier_distance
from i2ikit.evaluation.protocol import Number, ProtocolError, compare
from i2ikit.evaluation.report import Report
from i2ikit.evaluation.resize import Preparation
from i2ikit.evaluation.run import evaluate_run
from i2ikit.evaluation.scores import ConditionalInceptionScore, InceptionScore

__all__ = [
    "Classifier", "ConditionalInceptionScore", "EdgeEnergy", "EvaluationClassifier", "Extractor", "FrechetInceptionDistance",
    "InceptionScore", "KernelInceptionDistance", "LPIPSDiversity", "LearnedPerceptualImagePatchSimilarity", "MeanAbsoluteError", "Number",
    "PairsAsDomains", "ParameterCounts", "PeakSignalNoiseRatio", "PerceptualDistance", "Preparation", "ProtocolError", "Report",
    "StructuralSimilarityIndexMeasure", "compare", "count_parameters", "edge_energy", "evaluate", "evaluate_run", "frechet_distance",
    "kernel_distance", "load_evaluation_classifier", "load_inception", "load_inception_classifier", "load_lpips",
    "make_classifier_distance", "make_classifier_extractor", "make_evaluation_classifier", "mean_absolute_error", "multiscale_diversity",
    "pairwise_diversity", "peak_signal_noise_ratio", "perceptual_diversity", "structural_similarity_index_measure", "to_unit_range",
]  # fmt: skip

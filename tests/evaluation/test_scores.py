"""The inception scores compared with their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torchmetrics import Metric

from i2ikit.errors import OptionError
from i2ikit.evaluation import ConditionalInceptionScore, Extractor, InceptionScore


def divergence(logits: Tensor) -> float:
    """The mean over rows of KL(p(y|x) || mean p), the formula of the papers."""
    probabilities = logits.double().softmax(1)
    marginal = probabilities.mean(0)
    return float((probabilities * (probabilities.log() - marginal.log())).sum(1).mean())


class Means(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)) * 5


def test_the_inception_score_equals_its_formula_for_any_batches() -> None:
    logits = torch.randn(50, 7) * 3
    metric = InceptionScore()
    for part in torch.split(logits, 9):
        metric.update(part)
    assert isinstance(metric, Metric)
    assert metric.compute().dtype == torch.float64
    assert float(metric.compute()) == pytest.approx(math.exp(divergence(logits)), rel=1e-12)


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore` will save all:UserWarning")
@pytest.mark.filterwarnings("ignore:std.*degrees of freedom:UserWarning")
def test_the_inception_score_agrees_with_torchmetrics() -> None:
    from torchmetrics.image.inception import InceptionScore as Oracle

    images = torch.rand(20, 3, 4, 4)
    oracle, metric = Oracle(feature=Means(), splits=1), InceptionScore(Means())
    oracle.update(images)
    metric.update(images)
    assert float(metric.compute()) == pytest.approx(float(oracle.compute()[0]), rel=1e-5)


def test_the_inception_score_lies_between_one_and_the_number_of_classes() -> None:
    certain, same = torch.eye(5) * 200, torch.ones(5, 1) * torch.randn(5)
    for logits, expected in ((certain, 5.0), (same, 1.0)):
        metric = InceptionScore()
        metric.update(logits)
        assert float(metric.compute()) == pytest.approx(expected, rel=1e-9)


def test_the_conditional_score_equals_its_formula_over_the_samples_of_each_input() -> None:
    samples = torch.randn(6, 4, 3) * 2
    metric = ConditionalInceptionScore()
    metric.update(samples[:4])
    for each in samples[4:]:
        metric.update(each)
    expected = sum(divergence(each) for each in samples) / 6
    assert float(metric.compute()) == pytest.approx(expected, rel=1e-12)


def test_both_scores_are_in_nats_or_exponentiated() -> None:
    samples = torch.randn(1, 8, 3)
    nats, exponential = ConditionalInceptionScore(), ConditionalInceptionScore(exponential=True)
    score_nats, score = InceptionScore(exponential=False), InceptionScore()
    nats.update(samples)
    exponential.update(samples)
    score_nats.update(samples[0])
    score.update(samples[0])
    assert float(exponential.compute()) == pytest.approx(math.exp(float(nats.compute())))
    assert float(score.compute()) == pytest.approx(math.exp(float(score_nats.compute())))
    assert float(score_nats.compute()) == pytest.approx(float(nats.compute()))


def test_a_model_with_one_translation_for_each_input_has_conditional_score_zero() -> None:
    samples = (torch.randn(9, 1, 5) * 4).expand(-1, 6, -1)
    conditional, score = ConditionalInceptionScore(), InceptionScore(exponential=False)
    conditional.update(samples)
    score.update(samples.flatten(0, 1))
    assert float(conditional.compute()) == pytest.approx(0.0, abs=1e-12)
    assert float(score.compute()) > 0.1


def test_the_classifier_may_be_a_module_a_function_or_an_extractor() -> None:
    samples = torch.rand(2, 3, 4, 4, 4)
    extractor = Extractor("means", Means(), 4, {}, logits=Means())
    found = []
    for classifier in (Means(), lambda images: images.mean((2, 3)) * 5, extractor):
        metric = ConditionalInceptionScore(classifier)
        metric.update(samples)
        found.append(float(metric.compute()))
    assert found == pytest.approx([sum(divergence(Means()(each)) for each in samples) / 2] * 3)


def test_other_shapes_than_samples_or_logits_are_refused() -> None:
    with pytest.raises(OptionError, match=r"4 axes for one input or 5 .* found \[3, 4\]"):
        ConditionalInceptionScore(Means()).update(torch.rand(3, 4))
    with pytest.raises(OptionError, match=r"logits \[B, K\]; found \[2, 3, 4, 4\] for 2 images"):
        InceptionScore(nn.Identity()).update(torch.rand(2, 3, 4, 4))

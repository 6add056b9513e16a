"""Views of a translation that is not only source to target: the conditioned code, mixed styles, parts of a batch, cycles, feature taps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest
import torch
from core.test_toy_cut import CUT
from core.test_toy_psp import PSP
from core.test_toy_stargan2 import STARGAN2
from core.test_toy_stylegan2 import STYLEGAN2
from core.toys.assembly import Calls, assemble, make_batch
from torch import Tensor

from i2ikit import Code, Model, Term, Translation, build
from i2ikit.core.step import split
from i2ikit.errors import BuildError, PlanError, UnknownNameError


def make_translations(model: Model, draws: Mapping[str, Tensor] | None = None, rows: int = 4, parts: int = 1) -> list[Translation]:
    made = []
    for part, streams in split(model, make_batch(model, rows), draws or {}, 0, parts):
        made += model.plan(model.nets, part, streams, True, **model.recipe.options_by_plan[0])
    return cast(list[Translation], made)


def test_the_conditioned_code_is_what_the_generator_takes_and_is_computed_once() -> None:
    model = assemble(STYLEGAN2)
    [t] = make_translations(model)
    calls = Calls(model)
    fake = t.fake
    assert torch.equal(t.generate(t.conditioned), fake)
    assert calls.pop_counts()[0] == {"conditioner": 1, "generator": 2}


def test_a_penalty_on_the_conditioned_code_does_not_run_the_mapping_again() -> None:
    def path_length(t: Translation) -> Tensor:
        style = t.conditioned.style
        assert style is not None
        (gradient,) = torch.autograd.grad(t.fake.sum(), style, create_graph=True)
        return gradient.square().sum()

    model = assemble(STYLEGAN2, terms={"translator/path": Term(path_length), "discriminator/r1": None})
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0] == {"conditioner": 1, "generator": 1, "discriminator": 3}


def test_styles_are_mixed_layer_by_layer() -> None:
    model = assemble(STYLEGAN2, conditioner={"vectors": 4}, plan_options={"mixing": 0.5})
    first, second = torch.randn(2, 4, 3).double()
    mixing = {"mixing/chance": torch.tensor([0.1, 0.4, 0.6, 0.2]), "mixing/layers": torch.tensor([0.0, 0.99, 0.0, 0.5])}
    draws = {"style": first, "second_style": second, **mixing}
    [t] = make_translations(model, draws)
    one, other = (model.conditioner(t.conditioned._replace(style=z)).style for z in (first, second))
    expected = [torch.cat([one[row, :kept], other[row, kept:]]) for row, kept in enumerate((1, 3, 4, 2))]
    torch.testing.assert_close(t.conditioned.style, torch.stack(expected))


def test_styles_are_not_mixed_at_inference_nor_without_the_option() -> None:
    model = assemble(STYLEGAN2, plan_options={"mixing": 0.9})
    assert make_translations(model)[0]._second_style is not None
    assert make_translations(model.eval())[0]._second_style is None
    assert make_translations(assemble(STYLEGAN2))[0]._second_style is None


def test_mixing_without_one_style_vector_per_layer_is_refused() -> None:
    [t] = make_translations(assemble(STYLEGAN2, plan_options={"mixing": 0.9}))
    flat = Code(style=torch.zeros(4, 2))
    with pytest.raises(PlanError, match=r"requires one style vector per layer, \[B, V, S\]; found a style of shape \[4, 2\]"):
        t.mix_styles(flat, flat)


def test_a_part_of_a_batch_has_the_rows_of_the_whole_in_any_number_of_micro_batches() -> None:
    model = assemble(STYLEGAN2)
    [whole] = make_translations(model)
    half = whole.take_every(2)
    assert half is whole.take_every(2)
    torch.testing.assert_close(half.fake, whole.fake[::2])
    assert half.rows == 2
    parts = [t.take_every(2).fake for t in make_translations(model, parts=2)]
    torch.testing.assert_close(torch.cat(parts), half.fake)


def test_the_views_of_a_part_are_dropped_with_those_of_the_whole() -> None:
    model = assemble(STYLEGAN2)
    [whole] = make_translations(model)
    fake = whole.take_every(2).fake
    whole.forget(frozenset({"generator"}))
    assert not whole.take_every(2).fake.requires_grad
    whole.close()
    assert whole.take_every(2).fake is not fake


def test_a_view_that_reads_a_part_depends_on_its_networks() -> None:
    [whole] = make_translations(assemble(STYLEGAN2))

    def brightness(t: Translation) -> Tensor:
        return t.take_every(2).fake.mean()

    before = whole[brightness]
    whole.forget(frozenset({"generator"}))
    assert whole[brightness] is not before


def test_a_cycle_keeps_the_style_of_the_recode_if_the_code_has_no_maps() -> None:
    model = assemble(PSP, size=8)
    [t] = make_translations(model)
    torch.testing.assert_close(t.cycle, model.generator(t.recode))
    assert not torch.equal(t.recode.style, t.code.style)


def test_a_cycle_has_the_source_style_only_if_the_fake_has_a_style_of_its_own() -> None:
    drawn, encoded = assemble(CUT, style="prior"), assemble(CUT)
    [t] = make_translations(drawn)
    torch.testing.assert_close(t.cycle, drawn.generator(t.recode._replace(style=t.code.style)))
    [t] = make_translations(encoded)
    torch.testing.assert_close(t.cycle, encoded.generator(t.recode))
    assert not torch.allclose(t.cycle, encoded.generator(t.recode._replace(style=t.code.style)))


def test_a_cycle_of_a_system_whose_encoder_has_no_style_takes_the_drawn_one() -> None:
    terms = {"translator/contrast": None, "translator/cycle": Term("toy_cycle")}
    model = assemble(CUT, encoder="toy_whole", style=2, head=None, terms=terms)
    [t] = make_translations(model)
    torch.testing.assert_close(t.cycle, model.generator(t.recode._replace(style=t.style)))


def test_a_weighted_mean_over_micro_batches_is_that_of_the_whole_batch() -> None:
    model = assemble(STARGAN2)
    values = torch.arange(4.0).double()

    def average(t: Translation, rows: Tensor) -> Tensor:
        assert t.source_label is not None
        return t.average_over_batch(rows, lambda label: label[:, 0], t.source_label)

    whole = make_translations(model)[0]
    halves = [t for t in make_translations(model, parts=2) if t.name == "latent"]
    expected = (values * whole.source_label[:, 0]).sum() / whole.source_label[:, 0].sum()
    torch.testing.assert_close(average(whole, values), expected)
    parts = torch.stack([average(half, values[2 * index : 2 * index + 2]) for index, half in enumerate(halves)])
    torch.testing.assert_close(parts.mean(), expected)


def test_translations_of_the_same_source_share_its_code() -> None:
    model = assemble(STARGAN2)
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0]["encoder"] == 6  # before: 8, because each of the two translations encoded the source


def test_feature_taps_of_a_generator_give_the_maps_of_source_and_fake() -> None:
    def contrast(t: Translation) -> Tensor:
        ours, source = t.tap("generator", "fake"), t.tap("generator", "real")
        assert [each.shape for each in ours] == [each.shape for each in source]
        return torch.stack([(a - b.detach()).abs().mean() for a, b in zip(ours, source, strict=True)]).sum()

    model = build(
        "cyclegan", size=16, labels=("a", "b"), generator={"width": 4, "blocks": 1}, discriminator={"width": 4, "depth": 2},
        slots={"generator": {"wrappers": [("feature_taps", {"layers": ("stem", "middle.0")})]}}, terms={"translator/contrast": contrast},
    )  # fmt: skip
    logs = model.step(model.example_batch(2))
    assert float(logs["translator/contrast"]) > 0
    assert not any("taps" in name for name in model.state_dict())


def test_reading_taps_that_a_slot_does_not_have_names_the_remedy() -> None:
    def contrast(t: Translation) -> Tensor:
        return t.tap("generator", "fake")[0].mean()

    with pytest.raises(BuildError, match='Term "translator/tapped" reads feature taps of slot "generator", which has none'):
        assemble(CUT, terms={"translator/tapped": contrast})


def test_taps_of_a_slot_that_does_not_exist_name_the_slots() -> None:
    [t, *_] = make_translations(assemble(CUT))
    with pytest.raises(UnknownNameError, match='No slot is called "generatr"'):
        t.tap("generatr", "fake")


def test_a_view_of_the_core_and_its_name_are_the_same_images_for_a_discriminator() -> None:
    model = build("cyclegan", size=16, labels=("a", "b"), generator={"width": 4, "blocks": 1}, discriminator={"width": 4, "depth": 2})
    for t in make_translations(model.double()):
        assert t.discriminate(Translation.fake) is t.discriminate("fake")
        by_name, by_view = t.discriminate("cycle"), t.discriminate(Translation.cycle)
        torch.testing.assert_close(by_view.scores, by_name.scores, rtol=0, atol=0)
        wrong = t.run("discriminator", t.cycle, domain_name=t.target_name, is_real=False)
        assert not torch.equal(by_view.scores[0], wrong.scores[0])


def test_frozen_weights_of_a_call_get_no_gradient_and_the_images_do() -> None:
    model = assemble(PSP)
    [t] = make_translations(model)
    image = t.real.detach().requires_grad_()
    style = t.encode(image, None, None, frozen=True).style
    assert style is not None
    style.sum().backward()
    assert image.grad is not None
    assert all(weight.grad is None and weight.requires_grad for weight in model.encoder.parameters())

"""StarGAN's components and domain losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Code, CodeSpec, DomainSpec, ImageSpec, MapSpec, StyleSpec, build
from i2ikit.errors import BuildError, LabelError, OptionError, SpecError
from i2ikit_stargan.conditioner import LabelPlanes
from i2ikit_stargan.discriminator import StarGANDiscriminator
from i2ikit_stargan.generator import StarGANGenerator
from i2ikit_stargan.losses import label_loss

IMAGE = ImageSpec(3, 16, 24)
TWO_SETS = DomainSpec.parse([{"hair": ("black", "blond", "brown"), "male": bool}, {"mood": ("happy", "sad")}]).allow_none(["hair"])
CODE = CodeSpec((MapSpec(3, 1),))


def encode_labels(*values: dict[str, Any], domain: DomainSpec = TWO_SETS) -> Tensor:
    return torch.tensor([domain.encode(row) for row in values])


def test_label_planes_contain_the_label_and_its_mask_at_every_position() -> None:
    conditioner = LabelPlanes(CODE, TWO_SETS)
    label = encode_labels({"hair": "blond", "male": True}, {"mood": "sad"})
    (maps,) = conditioner(Code((torch.zeros(2, 3, 4, 5),)), label).maps
    assert conditioner.output_spec.maps[-1].channels == maps.shape[1] == 3 + 8
    assert torch.equal(maps[:, 3:], label[:, :, None, None].expand(-1, -1, 4, 5))
    assert label[1].tolist() == [0, 0, 0, 0, 0, 1, 0, 1]


def test_label_planes_keep_finer_maps_and_the_style() -> None:
    fine, coarse, style = torch.randn(1, 3, 8, 8), torch.randn(1, 6, 4, 4), torch.randn(1, 5)
    spec = CodeSpec((MapSpec(3, 1), MapSpec(6, 2)), StyleSpec(5))
    conditioned = LabelPlanes(spec, TWO_SETS)(Code((fine, coarse), style), encode_labels({"mood": "sad"}))
    assert conditioned.maps[0] is fine
    assert conditioned.style is style
    assert conditioned.maps[1].shape == (1, 14, 4, 4)


def test_label_planes_require_a_map_and_labels() -> None:
    with pytest.raises(SpecError, match=r"requires a code with a map; found style \[\d+\] and no maps"):
        LabelPlanes(CodeSpec(style=StyleSpec(8)), TWO_SETS)
    with pytest.raises(LabelError, match="requires labels; none are declared"):
        LabelPlanes(CODE, DomainSpec())


@pytest.mark.parametrize("output", ["tanh", "residual", "masked"])
def test_every_output_stays_within_the_range_of_images(output: Any) -> None:
    generator = StarGANGenerator(CODE.with_channels_added(8), IMAGE, width=4, blocks=1, output=output)
    with torch.no_grad():
        generator.draw.weight.mul_(50)
    image = (torch.rand(2, 3, 16, 24) * 4 - 2).clamp(-1, 1)
    fake = generator(Code((torch.cat([image, torch.ones(2, 8, 16, 24)], 1),)))
    assert fake.shape == image.shape
    assert fake.abs().max() <= 1


def test_a_residual_output_of_zeros_is_the_source_image() -> None:
    generator = StarGANGenerator(CODE, IMAGE, width=4, blocks=1, output="residual")
    with torch.no_grad():
        generator.draw.weight.zero_()
    image = torch.rand(2, 3, 16, 24) * 2 - 1
    assert torch.equal(generator(Code((image,))), image)


def test_a_masked_output_replaces_the_source_according_to_its_mask() -> None:
    generator = StarGANGenerator(CODE, IMAGE, width=4, blocks=1, output="masked")
    image = torch.rand(1, 3, 16, 24) * 2 - 1
    outputs = torch.zeros(1, 4, 16, 24)
    outputs[:, 3, :, :12], outputs[:, 3, :, 12:] = 100.0, -100.0
    generator.draw.forward = lambda maps: outputs  # type: ignore[method-assign]
    fake = generator(Code((image,)))
    assert torch.equal(fake[..., :12], image[..., :12])
    assert torch.equal(fake[..., 12:], torch.zeros(1, 3, 16, 12))


def test_the_generator_refuses_unsupported_codes_sizes_and_options() -> None:
    with pytest.raises(SpecError, match="multiples of 4, at least 8; found 18 x 16"):
        StarGANGenerator(CODE, ImageSpec(3, 18, 16))
    with pytest.raises(SpecError, match=r'requires a code whose last map has stride 1 .* Use "identity_encoder"'):
        StarGANGenerator(CodeSpec((MapSpec(64, 4),)), IMAGE)
    with pytest.raises(OptionError, match=r'output="mask"\. Did you mean "masked"'):
        StarGANGenerator(CODE, IMAGE, output="mask")  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "depth"), [((128, 128), 6), ((256, 256), 6), ((64, 48), 5), ((16, 24), 4), ((8, 8), 3)])
def test_the_default_depth_of_the_discriminator_is_the_papers_or_the_largest_that_fits(size: tuple[int, int], depth: int) -> None:
    discriminator = StarGANDiscriminator(ImageSpec(3, *size), TWO_SETS, width=1)
    assert len(discriminator.trunk) == depth
    output = discriminator(torch.zeros(2, 3, *size))
    assert output.scores[0].shape == (2, 1, size[0] // 2**depth, size[1] // 2**depth)
    assert output.domain_logits is not None
    assert output.domain_logits.shape == (2, TWO_SETS.num_values)
    assert len(output.features[0]) == depth


def test_a_discriminator_without_labels_has_one_head() -> None:
    discriminator = StarGANDiscriminator(IMAGE, DomainSpec(), width=4)
    assert discriminator(torch.zeros(1, 3, 16, 24)).domain_logits is None
    assert not discriminator.fixed_size


def test_a_discriminator_that_is_too_deep_for_its_image_is_refused() -> None:
    with pytest.raises(OptionError, match=r"depth=5 does not fit image \[3, 16, 24\]. Use a depth from 1 to 4"):
        StarGANDiscriminator(IMAGE, TWO_SETS, depth=5)


def test_no_layer_is_wider_than_max_width() -> None:
    discriminator = StarGANDiscriminator(ImageSpec(3, 64, 64), TWO_SETS, width=8, max_width=16)
    assert [layer.out_channels for layer in discriminator.trunk] == [8, 16, 16, 16, 16, 16]


def test_the_networks_have_the_papers_number_of_parameters() -> None:
    model = build("stargan", rehearsal=False)
    counts = {name: sum(p.numel() for p in model.slot(name).parameters()) for name in ("generator", "discriminator")}
    assert counts == {"generator": 8_430_528, "discriminator": 44_762_048}


def test_build_refuses_an_image_size_that_does_not_fit() -> None:
    with pytest.raises(BuildError, match="multiples of 4, at least 8; found 30 x 30"):
        build("stargan", size=30)


def test_each_known_set_contributes_its_mean_and_unknown_sets_nothing() -> None:
    label = encode_labels({"hair": "blond", "male": True, "mood": "sad"}, {"hair": "black", "male": False}, {"mood": "happy"}, {})
    logits = torch.randn(4, 6, requires_grad=True)
    expected = (
        F.cross_entropy(logits[:2, :3], torch.tensor([1, 0]))
        + F.binary_cross_entropy_with_logits(logits[:2, 3], torch.tensor([1.0, 0.0]))
        + F.cross_entropy(logits[[0, 2], 4:], torch.tensor([1, 0]))
    )
    loss = label_loss(logits, label, TWO_SETS)
    torch.testing.assert_close(loss, expected)
    (gradient,) = torch.autograd.grad(loss, logits)
    known = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0]], dtype=torch.bool)
    assert torch.equal(gradient != 0, known)


@pytest.mark.parametrize("official", [False, True])
def test_a_batch_without_known_labels_has_loss_zero(official: bool) -> None:
    logits = torch.randn(3, 6, requires_grad=True)
    loss = label_loss(logits, torch.zeros(3, 8), TWO_SETS, official=official)
    assert loss == 0
    assert torch.equal(torch.autograd.grad(loss, logits)[0], torch.zeros(3, 6))


@pytest.mark.parametrize("official", [False, True])
def test_logits_of_unknown_sets_do_not_matter(official: bool) -> None:
    label = encode_labels({"hair": "blond", "male": True}, {"mood": "sad"})
    logits = torch.randn(2, 6)
    other = logits.clone()
    other[0, 4:], other[1, :4] = 9.0, -9.0
    assert torch.equal(label_loss(logits, label, TWO_SETS, official=official), label_loss(other, label, TWO_SETS, official=official))


def test_an_image_without_a_value_of_a_group_does_not_contribute_to_it() -> None:
    domain = DomainSpec.parse({"hair": ("black", "blond"), "male": bool}).allow_none(["hair"])
    label = encode_labels({"hair": "none", "male": True}, {"hair": "blond", "male": False}, domain=domain)
    logits = torch.randn(2, 3)
    expected = F.cross_entropy(logits[1:, :2], torch.tensor([1])) + F.binary_cross_entropy_with_logits(logits[:, 2], label[:, 2])
    torch.testing.assert_close(label_loss(logits, label, domain), expected)


def test_the_official_loss_of_a_set_of_several_attributes_is_binary_cross_entropy() -> None:
    label = encode_labels({"hair": "blond", "male": True, "mood": "sad"}, {"hair": "black", "male": False, "mood": "happy"})
    logits = torch.randn(2, 6)
    expected = F.binary_cross_entropy_with_logits(logits[:, :4], label[:, :4], reduction="sum") / 2 + F.cross_entropy(
        logits[:, 4:], torch.tensor([1, 0])
    )
    torch.testing.assert_close(label_loss(logits, label, TWO_SETS, official=True), expected)


@pytest.mark.parametrize("official", [False, True])
def test_the_mean_over_micro_batches_is_the_loss_of_the_batch(official: bool) -> None:
    label = encode_labels({"hair": "blond", "male": True}, {"mood": "sad"}, {"mood": "happy"}, {"hair": "none", "male": False})
    logits = torch.randn(4, 6)

    def average(losses: torch.Tensor, weigh: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
        return (losses * weigh(rows)).sum() * 2 / weigh(label).sum()

    parts = [label_loss(logits[at : at + 2], label[at : at + 2], TWO_SETS, average=average, official=official) for at in (0, 2)]
    torch.testing.assert_close(torch.stack(parts).mean(), label_loss(logits, label, TWO_SETS, official=official))


def test_unknown_sets_update_no_weight_of_the_domain_head() -> None:
    model = build(
        "stargan",
        size=16,
        labels=TWO_SETS,
        generator={"width": 4, "blocks": 1},
        discriminator={"width": 4},
        rehearsal=False,
    )
    head = model.slot("discriminator").domain.weight
    before = head.detach().clone()
    batch = {
        "image": torch.rand(4, 3, 16, 16) * 2 - 1,
        "label": encode_labels(*[{"mood": mood} for mood in ("happy", "sad", "sad", "happy")]),
    }
    model.step(batch)
    moved = (head.detach() != before).flatten(1).any(1)
    assert moved.tolist() == [False] * 4 + [True] * 2


def test_micro_batches_with_partial_labels_equal_the_whole_batch() -> None:
    def model() -> Any:
        options: dict[str, Any] = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4}}
        sgd = {"optimizer": {"name": "sgd", "lr": 0.1, "betas": (0.0, 0.0)}}
        players = {"discriminator": sgd, "translator": {**sgd, "every": 1}}
        return build("stargan", size=16, labels=TWO_SETS, players=players, rehearsal=False, **options).double()

    label = encode_labels({"hair": "blond", "male": True}, {"mood": "sad"}, {"mood": "happy"}, {"hair": "none", "male": False}).double()
    batch = {"image": torch.rand(4, 3, 16, 16, dtype=torch.float64) * 2 - 1, "label": label}
    whole, split = model(), model()
    for _ in range(2):
        whole.step(batch)
        split.step(batch, accumulate=2)
    for (name, one), other in zip(whole.nets.named_parameters(), split.nets.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10, msg=lambda text, name=name: f"{name}: {text}")


def test_a_domain_loss_without_a_domain_head_names_the_remedy() -> None:
    from i2ikit import Translation
    from i2ikit.core.random_streams import RandomStreams
    from i2ikit_stargan.losses import domain_real_loss

    model = build("stargan", size=16, generator={"width": 4, "blocks": 1}, discriminator={"width": 4}, rehearsal=False)
    model.slot("discriminator").domain = None
    image = torch.zeros(1, 3, 16, 16)
    with pytest.raises(SpecError, match='requires a discriminator with a domain head; "discriminator" has none'):
        domain_real_loss(Translation(model.nets, RandomStreams(), reference=image, reference_label=torch.zeros(1, 5)))
    with pytest.raises(SpecError, match="requires a label; found none"):
        domain_real_loss(Translation(model.nets, RandomStreams(), reference=image))

"""StarGAN with two label sets, each known for a part of the data."""

from __future__ import annotations

from typing import Any

import torch
from core.toys.assembly import ADAM, Calls, assemble, assert_equal, copy_nets, make_adam, make_recipe, minimise
from torch.nn import functional as F

from i2ikit import Code, Player, Slot, Term
from i2ikit.core.step import split

LABELS = {"hair": {"hair": ("black", "blond", "brown")}, "mood": {"glad": bool}}
ROWS = [{"hair": "black"}, {"hair": "brown"}, {"hair": "blond", "glad": 1}, {"hair": "brown", "glad": 0}, {"glad": 1}, {"glad": 0}]
STARGAN = make_recipe(
    "toy_stargan",
    {
        "encoder": Slot("toy_whole"),
        "conditioner": Slot("toy_planes"),
        "generator": Slot("toy_painter"),
        "discriminator": Slot("toy_discriminator", {"head": True}),
    },
    "labelled",
    (
        Player(
            "discriminator",
            ("discriminator",),
            {"adversarial": Term("toy_wgan_discriminator"), "penalty": Term("toy_penalty", 10.0), "domain": Term("toy_domain_real")},
            optimizer=ADAM,
        ),
        Player(
            "translator",
            ("encoder", "conditioner", "generator"),
            {"adversarial": Term("toy_wgan_translator"), "domain": Term("toy_domain_fake"), "cycle": Term("toy_cycle", 10.0)},
            every=2,
            optimizer=ADAM,
        ),
    ),
    labels=LABELS,
)


def make_labelled_batch(model: Any, seed: int = 0) -> dict[str, Any]:
    label = torch.tensor([model.domain.encode(row) for row in ROWS]).double()
    return {"image": torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(seed)).double() * 2 - 1, "label": label}


def compute_domain_loss(logits: Any, label: Any) -> Any:
    hair = F.cross_entropy(logits[:, :3], label[:, :3], reduction="none") * label[:, 4]
    glad = F.binary_cross_entropy_with_logits(logits[:, 3], label[:, 3], reduction="none") * label[:, 5]
    return (hair + glad).mean()


class Paper:
    """StarGAN, equations 1 to 8, on copies of the same networks."""

    def __init__(self, model: Any) -> None:
        self.nets = copy_nets(model)
        self.d, self.g = self.nets.discriminator, self.nets.generator
        self.d_optimizer, self.g_optimizer = make_adam(self.d), make_adam(self.g)

    def translate(self, image: Any, label: Any) -> Any:
        return self.g(Code((torch.cat([image, label[:, :, None, None].expand(-1, -1, 8, 8)], 1),)))

    def discriminator(self, image: Any, label: Any, target: Any, alpha: Any) -> None:
        fake = self.translate(image, target).detach()
        between = (alpha * image + (1 - alpha) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(self.d(between).scores[0].sum(), between, create_graph=True)
        penalty = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        real = self.d(image)
        adversarial = self.d(fake).scores[0].mean() - real.scores[0].mean()
        minimise(adversarial + 10 * penalty + compute_domain_loss(real.domain_logits, label), self.d_optimizer)

    def translator(self, image: Any, label: Any, target: Any) -> None:
        fake = self.translate(image, target)
        output = self.d(fake)
        cycle = (self.translate(fake, label) - image).abs().mean()
        minimise(-output.scores[0].mean() + compute_domain_loss(output.domain_logits, target) + 10 * cycle, self.g_optimizer)


PERM = torch.tensor([1, 0, 3, 2, 5, 4])


def test_two_steps_equal_the_step_by_hand() -> None:
    model = assemble(STARGAN)
    paper, start = Paper(model), copy_nets(model)
    for index in range(2):
        batch = make_labelled_batch(model, index)
        alpha = torch.rand(6, 1, 1, 1, generator=torch.Generator().manual_seed(index)).double()
        model.step(batch, draws={"perm": PERM, "alpha": alpha})
        paper.discriminator(batch["image"], batch["label"], batch["label"][PERM], alpha)
    paper.translator(batch["image"], batch["label"], batch["label"][PERM])
    assert_equal(model, paper.nets, start)


def test_a_step_with_two_data_sets_trains_with_one_after_the_other() -> None:
    model = assemble(STARGAN, players={"translator": {"every": 1}})
    paper, start = Paper(model), copy_nets(model)
    whole = make_labelled_batch(model)
    batches = [{name: tensor[:2] for name, tensor in whole.items()}, {name: tensor[4:] for name, tensor in whole.items()}]
    perm, alpha = torch.tensor([1, 0]), torch.rand(2, 1, 1, 1).double()
    model.step(batches, draws={"perm": perm, "alpha": alpha})
    for batch in batches:
        paper.discriminator(batch["image"], batch["label"], batch["label"][perm], alpha)
        paper.translator(batch["image"], batch["label"], batch["label"][perm])
    assert_equal(model, paper.nets, start)


def test_labels_are_permuted_among_rows_with_the_same_known_sets() -> None:
    model = assemble(STARGAN)
    batch = make_labelled_batch(model)
    orders = set()
    for _ in range(6):
        [(part, streams)] = split(model, batch, {}, 0, 1)
        target = model.plan(model.nets, part, streams, True)[0].target_label
        assert target is not None
        assert torch.equal(target[:, 4:], batch["label"][:, 4:])
        assert torch.equal(target.sum(0), batch["label"].sum(0))
        orders.add(tuple(target.flatten().tolist()))
        model.steps_done += 1
    assert len(orders) > 1


def test_the_generator_is_called_once_without_gradients_if_only_the_discriminator_trains_and_twice_otherwise() -> None:
    model = assemble(STARGAN)
    calls = Calls(model)
    model.step(make_labelled_batch(model))
    assert calls.pop_counts() == (
        {"encoder": 1, "conditioner": 1, "generator": 1, "discriminator": 3},
        {"encoder": 0, "conditioner": 0, "generator": 0, "discriminator": 3},
    )
    model.step(make_labelled_batch(model))
    assert calls.pop_counts()[0] == {"encoder": 2, "conditioner": 2, "generator": 2, "discriminator": 4}

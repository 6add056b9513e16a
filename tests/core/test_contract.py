"""The contract of components: what the library reads, its defaults, and errors for members of another type."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from i2ikit import CodeSpec, MapSpec, default_registry
from i2ikit.core import contract
from i2ikit.core.component import get_factory_options
from i2ikit.errors import SpecError


class Plain(nn.Module):
    """A module without members."""


def make(**members: Any) -> nn.Module:
    module = Plain()
    for name, value in members.items():
        setattr(module, name, value)
    return module


def test_every_member_has_a_default_or_is_required() -> None:
    found = {member.name: contract.read(Plain(), member.name) for member in contract.MEMBERS}
    assert found == {
        "output_spec": None, "input_spec": None, "size_multiple": 1, "min_size": None, "fixed_size": False, "inputs": (),
        "noise_shapes": None, "stochastic": False, "deterministic_at_inference": False, "average_style": None,
    }  # fmt: skip
    assert [member.name for member in contract.MEMBERS if not member.default] == ["output_spec"]


@pytest.mark.parametrize(
    ("role", "members", "message"),
    [
        ("encoder", {}, r'"part" has no output_spec\. Set self\.output_spec = CodeSpec\(\.\.\.\) in its constructor\.'),
        ("encoder", {"output_spec": 3}, r'"part" has output_spec=3; expected CodeSpec: the shapes of the code'),
        ("generator", {"input_spec": "style"}, r"""has input_spec='style'; expected CodeSpec"""),
        ("generator", {"size_multiple": 0}, r"has size_multiple=0; expected int: both sides"),
        ("generator", {"size_multiple": 2.0}, r"has size_multiple=2\.0; expected int"),
        ("generator", {"min_size": True}, r"has min_size=True; expected int"),
        ("generator", {"noise_shapes": {"noise": (1,)}}, r"has noise_shapes=.*expected method"),
        ("generator", {"stochastic": "yes"}, r"has stochastic='yes'; expected bool"),
        ("discriminator", {"inputs": ["label"]}, r"has inputs=\['label'\]; expected tuple"),
        ("discriminator", {"inputs": ("colour",)}, r"has inputs=\('colour',\); expected tuple of \"source\", \"label\", \"code\""),
    ],
    ids=str,
)
def test_a_member_of_another_type_is_refused(role: str, members: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        contract.check_members(make(**members), role, "part")


def test_members_of_other_roles_are_not_read() -> None:
    contract.check_members(make(output_spec=3, inputs=7), "generator", "part")


def shapes(code: Any) -> dict[str, tuple[int, ...]]:
    return {"fine": (1, 1, 2, 2)}


@pytest.mark.parametrize(
    ("members", "in_training", "at_inference"),
    [
        ({}, False, False),
        ({"stochastic": True}, True, True),
        ({"noise_shapes": shapes}, True, True),
        ({"noise_shapes": shapes, "deterministic_at_inference": True}, True, False),
        ({"stochastic": True, "deterministic_at_inference": True}, True, False),
    ],
    ids=lambda value: "+".join(value) or "none" if isinstance(value, dict) else str(value),
)
def test_whether_a_network_draws_has_one_answer(members: dict[str, Any], in_training: bool, at_inference: bool) -> None:
    net = nn.Sequential(nn.Identity(), make(**members))
    assert (contract.draws(net, training=True), contract.draws(net, training=False)) == (in_training, at_inference)


def test_noises_are_asked_for_by_name() -> None:
    assert contract.get_noise_shapes(make(noise_shapes=shapes), (None,)) == {"fine": (1, 1, 2, 2)}
    assert contract.get_noise_shapes(make(noise_shapes=lambda code: None), (None,)) == {}
    assert contract.get_noise_shapes(Plain(), (torch.zeros(1),)) == {}


def test_the_bundled_networks_keep_the_contract() -> None:
    for role in contract.NETWORKS:
        for component in default_registry().components(role):
            options = get_factory_options(default_registry().resolve(component.name))
            required = [name for name, option in options.items() if option.default is option.empty]
            assert set(required) <= set(contract.FACTORY_ARGUMENTS), component.name


def test_a_spec_is_a_code_spec() -> None:
    contract.check_members(make(output_spec=CodeSpec((MapSpec(3),))), "encoder", "part")

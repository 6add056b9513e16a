"""Checks of wrappers, around a small discriminator. Each check tests one rule and is named after it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from i2ikit.core.calls import Call, run_network
from i2ikit.core.code import DiscriminatorOutput
from i2ikit.core.random_streams import RandomStreams
from i2ikit.testing.component_under_test import ComponentUnderTest, collect_tensors, make_images
from i2ikit.testing.fault import Fault, check_close
from i2ikit.testing.tiny_nets import make_tiny_nets


def _make(component: ComponentUnderTest, training: bool = True) -> tuple[nn.Module, nn.Module]:
    """Return a small discriminator and the wrapper around it."""
    net = make_tiny_nets(component.image, component.domain).get_submodule("discriminator")
    return net.train(training), component.make_wrapper(net).train(training)


def _run(component: ComponentUnderTest, net: nn.Module, wrapper: nn.Module, image: Tensor, *, is_real: bool = False) -> Any:
    call = Call("discriminator", "kit", RandomStreams(("kit",), device=image.device, dtype=image.dtype), is_real)
    return run_network(net, call, [wrapper], (image,), {})


def _make_images(component: ComponentUnderTest, rows: int = 4) -> Tensor:
    return make_images(component.image, rows, torch.Generator().manual_seed(1))


def is_documented(component: ComponentUnderTest) -> None:
    """The wrapper has its own docstring, and ``repr()`` contains no tensor values."""
    _, wrapper = _make(component)
    if not (type(wrapper).__doc__ or "").strip() or type(wrapper).__doc__ == nn.Module.__doc__:
        raise Fault(f"{type(wrapper).__name__} has no docstring. Write one sentence about what it changes.")
    if "tensor(" in repr(wrapper):
        raise Fault('repr() contains "tensor(...". Print options instead, with def extra_repr(self).')


def returns_what_the_network_returns(component: ComponentUnderTest) -> None:
    """In training and in eval mode, the output has the form of that of the network."""
    for training in (True, False):
        net, wrapper = _make(component, training)
        image = _make_images(component)
        output = _run(component, net, wrapper, image)
        if not isinstance(output, DiscriminatorOutput):
            raise Fault(f"It returns a {type(output).__name__}. Return what net(image, *others, **named) returns.")
        shapes, wanted = ({name: tuple(each.shape) for name, each in collect_tensors(each).items()} for each in (output, net(image)))
        if shapes != wanted:
            raise Fault(f"It returns the shapes {shapes}; the network returns {wanted}. Do not change shapes.")


def keeps_the_weights_of_the_network(component: ComponentUnderTest) -> None:
    """The wrapper has no weights, and the names of the network's weights stay: checkpoints and importers use them."""
    net, wrapper = _make(component)
    wanted = list(make_tiny_nets(component.image, component.domain).get_submodule("discriminator").state_dict())
    if list(net.state_dict()) != wanted:
        raise Fault(f"The network now has the weights {list(net.state_dict())}. Do not change the modules of the network.")
    if names := [name for name, _ in wrapper.named_parameters()]:
        raise Fault(f"It has the weights {', '.join(names[:3])}. Keep state in buffers, and do not assign the network to an attribute.")


def uses_the_draws_of_the_call(component: ComponentUnderTest) -> None:
    """Two calls with the same draws give the same result, and the global random numbers of torch are not used."""
    net, wrapper = _make(component)
    other_net, other = _make(component)
    image = _make_images(component)
    state = torch.random.get_rng_state()
    with torch.no_grad():
        first = collect_tensors(_run(component, net, wrapper, image))
        second = collect_tensors(_run(component, other_net, other, image))
    check_close(second, first, "Two calls with the same draws", "Draw with call.uniform and call.normal.", tolerance=0)
    if not torch.equal(torch.random.get_rng_state(), state):
        raise Fault("It draws from the global random stream of torch. Draw with call.uniform and call.normal.")


def can_be_differentiated_twice(component: ComponentUnderTest) -> None:
    """The gradient of a gradient penalty, which is taken with respect to the unchanged image, is finite."""
    net, wrapper = _make(component)
    image = _make_images(component).requires_grad_()
    scores = _run(component, net, wrapper, image, is_real=True).scores
    (gradient,) = torch.autograd.grad(torch.stack([each.sum() for each in scores]).sum(), image, create_graph=True)
    penalty = gradient.square().sum()
    found = torch.autograd.grad(penalty, list(net.parameters()), allow_unused=True)
    if not all(each is None or bool(torch.isfinite(each).all()) for each in found) or all(each is None for each in found):
        raise Fault("The gradient of a gradient penalty is missing or not finite. Use operations with a second derivative.")


def runs_on_meta_device(component: ComponentUnderTest) -> None:
    """On the meta device, which has no values, the shapes are those of a real run."""
    net, wrapper = _make(component)
    image = _make_images(component)
    outputs = (_run(component, net.to(device), wrapper.to(device), image.to(device)) for device in ("cpu", "meta"))
    wanted, found = ({name: tuple(each.shape) for name, each in collect_tensors(output).items()} for output in outputs)
    if found != wanted:
        raise Fault(f"On the meta device the shapes are {found}, else {wanted}. Shapes must not depend on values.")


CHECKS = (
    is_documented,
    returns_what_the_network_returns,
    keeps_the_weights_of_the_network,
    uses_the_draws_of_the_call,
    can_be_differentiated_twice,
    runs_on_meta_device,
)

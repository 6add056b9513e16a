"""Checks of encoders, conditioners, generators and discriminators. Each check tests one rule and is named after it."""

from __future__ import annotations

import copy
import inspect
from typing import Any, cast

import torch
from torch import Tensor, nn

from i2ikit.core.code import Code, DiscriminatorOutput
from i2ikit.core.contract import check_members, draws, read, scores_codes
from i2ikit.core.specs import CodeSpec
from i2ikit.errors import SpecError
from i2ikit.testing.component_under_test import ComponentUnderTest, collect_tensors, make_noise, move_to, take_row
from i2ikit.testing.fault import Fault, Skipped, check_close
from i2ikit.testing.outputs import check_image, check_scores, find_difference, list_shapes
from i2ikit.testing.side_effects import check_unchanged

OUTPUTS = {"encoder": Code, "conditioner": Code, "generator": Tensor, "discriminator": DiscriminatorOutput}


def is_documented(component: ComponentUnderTest) -> None:
    """The component has its own docstring."""
    module = component.make_network()
    if not (type(module).__doc__ or "").strip() or type(module).__doc__ == nn.Module.__doc__:
        raise Fault(
            f"{type(module).__name__} has no docstring. Write one sentence about what it is, and the shapes of its inputs and outputs."
        )


def is_printable(component: ComponentUnderTest) -> None:
    """``repr()`` contains no tensor values and no memory addresses."""
    shown = repr(component.make_network())
    for trace in ("tensor(", " object at 0x"):
        if trace in shown:
            raise Fault(f'repr() contains "{trace}...". Print options and sizes instead, with def extra_repr(self).')


def follows_its_protocol(component: ComponentUnderTest) -> None:
    """``forward`` accepts the arguments of its role and returns a Code, an image or a DiscriminatorOutput."""
    module = component.make_network()
    inputs = component.make_inputs()
    try:
        check_members(module, component.role, component.declared.name)
    except SpecError as error:
        raise Fault(str(error)) from error
    noise = make_noise(module, inputs[0])
    try:
        inspect.signature(module.forward).bind(*inputs[0], **inputs[1], **noise)
    except TypeError as error:
        wanted = {"encoder": "image, label", "conditioner": "code, label", "generator": "code"}
        first = wanted.get(component.role, "code" if scores_codes(module) else "image")
        names = ", ".join((first, *inputs[1], *noise))
        raise Fault(f"forward() cannot be called with ({names}): {error}. It must accept these arguments.") from error
    output = component.run(module, inputs)
    if not isinstance(output, OUTPUTS[component.role]):
        raise Fault(f"A {component.role} must return a {OUTPUTS[component.role].__name__}; this one returns a {type(output).__name__}.")


def output_matches_spec(component: ComponentUnderTest) -> None:
    """The output has the shapes of ``output_spec``, or of the role, and images are in [-1, 1]."""
    module, rows = component.make_network(), 3
    output = component.run(module, component.make_inputs(rows))
    found = {name: tuple(tensor.shape) for name, tensor in collect_tensors(output).items()}
    if isinstance(output, Code):
        if wanted := find_difference(found, list_shapes(cast(CodeSpec, module.output_spec), component, rows)):
            raise Fault(f"{wanted} Make self.output_spec and forward agree.")
    elif isinstance(output, DiscriminatorOutput):
        check_scores(output, component, rows)
    else:
        check_image(cast(Tensor, output), component, rows)


def runs_on_meta_device(component: ComponentUnderTest) -> None:
    """On the meta device, which has no values, the outputs have the shapes and data types of a real run."""
    module, inputs = component.make_network(), component.make_inputs()
    real = component.run(module, inputs)
    try:
        module_copy = copy.deepcopy(module).to("meta")
        meta_output = component.run(module_copy, (move_to(inputs[0], "meta"), move_to(inputs[1], "meta")))
    except Exception as error:
        raise Fault(
            f"It fails on the meta device: {type(error).__name__}: {error}. "
            "Create tensors on the device of the input, and do not read tensor values."
        ) from error
    found = {name: (tuple(each.shape), each.dtype) for name, each in collect_tensors(meta_output).items()}
    expected = {name: (tuple(each.shape), each.dtype) for name, each in collect_tensors(real).items()}
    if found != expected:
        raise Fault(f"On the meta device the outputs are {found}, else {expected}. Shapes and data types must not depend on values.")


def has_finite_gradients(component: ComponentUnderTest) -> None:
    """In training mode, each trainable weight gets a finite gradient."""
    module = component.make_network(training=True)
    weights = {name: each for name, each in module.named_parameters() if each.requires_grad}
    if not weights:
        raise Skipped("it has no weights")
    output = {
        name: each for name, each in collect_tensors(component.run(module, component.make_inputs())).items() if each.is_floating_point()
    }
    if not any(each.requires_grad for each in output.values()):
        raise Fault("The output has no gradient. Remove detach() and no_grad() from forward.")
    generator = torch.Generator().manual_seed(5)
    total = torch.stack([(each * torch.randn(each.shape, generator=generator)).sum() for each in output.values()]).sum()
    gradients = torch.autograd.grad(total, list(weights.values()), allow_unused=True)
    for what, bad in (
        ("get no gradient. Use them in forward, or remove them", [n for n, g in zip(weights, gradients, strict=True) if g is None]),
        (
            "get a gradient that is not finite. Check roots, logarithms and divisions at 0",
            [n for n, g in zip(weights, gradients, strict=True) if g is not None and not bool(torch.isfinite(g).all())],
        ),
    ):
        if bad:
            raise Fault(f"{len(bad)} of {len(weights)} weights ({', '.join(bad[:3])}{', ...' if len(bad) > 3 else ''}) {what}.")


def images_are_independent(component: ComponentUnderTest) -> None:
    """In eval mode, the result for an image does not depend on the other images of the batch, unless ``mixes_batch`` is set."""
    if component.declared.mixes_batch:
        raise Skipped("it declares mixes_batch")
    module, inputs = component.make_network(), component.make_inputs()
    if draws(module, training=False):
        raise Skipped("it draws random numbers")
    with torch.no_grad():
        together = collect_tensors(component.run(module, inputs))
        for row in range(2):
            alone = collect_tensors(component.run(module, (take_row(inputs[0], row), take_row(inputs[1], row))))
            check_close(
                {name: each[row : row + 1] for name, each in together.items()},
                alone,
                f"Row {row} in a batch and alone",
                "Declare Component(..., mixes_batch=True), or do not mix images in eval mode.",
                tolerance=1e-4,
            )


def is_deterministic(component: ComponentUnderTest) -> None:
    """The same seed gives the same weights and the same result."""
    inputs = component.make_inputs()
    module = component.make_network(7)
    with torch.no_grad():
        first = collect_tensors(component.run(module, inputs))
        advice = "Draw random numbers only in training, or set stochastic = True; then the library provides a random stream."
        check_close(collect_tensors(component.run(module, inputs)), first, "Two runs", advice, tolerance=0)
        advice = "Initialise weights with torch's global random generator."
        check_close(
            collect_tensors(component.run(component.make_network(7), inputs)),
            first,
            "Two instances with the same seed",
            advice,
            tolerance=0,
        )


def saves_and_loads(component: ComponentUnderTest) -> None:
    """``state_dict`` is complete: another instance that loads it gives the same result."""
    inputs = component.make_inputs()
    module, other = component.make_network(0), component.make_network(1)
    state: dict[str, Any] = module.state_dict()
    odd = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if odd:
        raise Fault(f'state_dict() holds "{odd[0]}", a {type(state[odd[0]]).__name__}. It must hold only tensors.')
    try:
        other.load_state_dict({name: value.clone() for name, value in state.items()}, strict=True)
    except RuntimeError as error:
        raise Fault(f"state_dict() cannot be loaded: {' '.join(str(error).split())}.") from error
    with torch.no_grad():
        advice = "Store every tensor that affects the result as a parameter or a buffer."
        check_close(
            collect_tensors(component.run(other, inputs)),
            collect_tensors(component.run(module, inputs)),
            "Saved and loaded",
            advice,
            tolerance=0,
        )


def runs_in_bfloat16(component: ComponentUnderTest) -> None:
    """Under autocast to bfloat16, outputs have the same shapes, and outputs and gradients are finite."""
    module, inputs = component.make_network(training=True), component.make_inputs()
    wanted = {name: tuple(each.shape) for name, each in collect_tensors(component.run(module, inputs)).items()}
    with torch.autocast("cpu", torch.bfloat16):
        output = collect_tensors(component.run(module, inputs))
    if {name: tuple(each.shape) for name, each in output.items()} != wanted:
        raise Fault("Under autocast the output shapes change. They must not depend on the data type.")
    if bad := [name for name, each in output.items() if not bool(torch.isfinite(each).all())]:
        raise Fault(f"Under autocast {bad[0]} is not finite. Compute sums, means and exponentials in float32.")
    losses = [each.float().square().mean() for each in output.values() if each.requires_grad]
    if losses:
        torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
    for name, weight in module.named_parameters():
        if weight.grad is not None and not bool(torch.isfinite(weight.grad).all()):
            raise Fault(f"Under autocast the gradient of {name} is not finite. Compute its statistics in float32.")


def compiles_full_graph(component: ComponentUnderTest) -> None:
    """``torch.compile(fullgraph=True)`` works and gives the same result."""
    module, inputs = component.make_network(), component.make_inputs()
    if draws(module, training=False):
        raise Skipped("it draws random numbers")
    try:
        import torch._dynamo
    except ImportError as error:
        raise Skipped(f"torch.compile is not available ({error})") from error
    try:
        torch._dynamo.eval_frame.check_if_dynamo_supported()
    except RuntimeError as error:
        raise Skipped(str(error)) from error
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    with torch.no_grad():
        try:
            output = compiled(*inputs[0], **inputs[1])
        except Exception as error:
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise Fault(
                f"torch.compile cannot capture it as one graph: {reason} Remove Python branches on tensor values from forward."
            ) from error
        finally:
            torch._dynamo.reset()
        advice = "forward must not change Python state."
        check_close(collect_tensors(output), collect_tensors(component.run(module, inputs)), "Compiled and eager", advice, tolerance=1e-5)


def has_no_side_effects(component: ComponentUnderTest) -> None:
    """Building and calling it changes no global setting, no random stream and no input, and in eval mode no buffer."""
    with check_unchanged("Building it"):
        module = component.make_network()
    inputs = component.make_inputs()
    before = {name: each.clone() for name, each in collect_tensors((inputs[0], inputs[1])).items()}
    state = {name: each.clone() for name, each in module.state_dict().items()}
    stochastic = read(module, "stochastic")
    noise = make_noise(module, inputs[0])
    with check_unchanged("Calling it", stream=not stochastic), torch.no_grad():
        module(*inputs[0], **inputs[1], **noise)
    after = collect_tensors((inputs[0], inputs[1]))
    check_close(
        after, before, "The inputs before and after the call", "Work on copies: other loss terms use the same tensors.", tolerance=0
    )
    check_close(
        module.state_dict(), state, "Weights and buffers before and after the call", "Update buffers only in training.", tolerance=0
    )


CHECKS = (
    is_documented,
    is_printable,
    follows_its_protocol,
    output_matches_spec,
    runs_on_meta_device,
    has_finite_gradients,
    images_are_independent,
    is_deterministic,
    saves_and_loads,
    runs_in_bfloat16,
    compiles_full_graph,
    has_no_side_effects,
)

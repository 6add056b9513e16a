"""What encoders, conditioners, generators and discriminators have to keep. Each check is one promise and is named after it."""

from __future__ import annotations

import copy
import inspect
from typing import Any, cast

import torch
from torch import Tensor, nn

from i2ikit.core.code import Code, DiscriminatorOutput
from i2ikit.core.specs import CodeSpec
from i2ikit.testing.fault import Fault, Skipped, compare
from i2ikit.testing.subject import Subject, onto, row_of, side, tensors
from i2ikit.testing.surroundings import unchanged

OUTPUTS = {"encoder": Code, "conditioner": Code, "generator": Tensor, "discriminator": DiscriminatorOutput}


def is_documented(subject: Subject) -> None:
    """It has a docstring of its own."""
    module = subject.module()
    if not (type(module).__doc__ or "").strip() or type(module).__doc__ == nn.Module.__doc__:
        raise Fault(f"{type(module).__name__} has no docstring. Say what it is in one sentence, and the shapes that go in and come out.")


def is_printable(subject: Subject) -> None:
    """It prints as a few lines without values or addresses."""
    shown = repr(subject.module())
    for trace in ("tensor(", " object at 0x"):
        if trace in shown:
            raise Fault(f'repr() shows "{trace}...". Show options and sizes: def extra_repr(self).')


def keeps_its_protocol(subject: Subject) -> None:
    """Its forward takes what its role is called with, and returns a Code, an image or a DiscriminatorOutput."""
    module = subject.module()
    inputs = subject.inputs()
    if subject.role in {"encoder", "conditioner"} and not isinstance(getattr(module, "output_spec", None), CodeSpec):
        raise Fault("It publishes no CodeSpec. Set self.output_spec in the constructor: the next component is built from it.")
    try:
        inspect.signature(module.forward).bind(*inputs[0], **inputs[1])
    except TypeError as error:
        wanted = {"encoder": "image, domain", "conditioner": "code, domain", "generator": "code"}
        names = wanted.get(subject.role, ", ".join(("image", *inputs[1])))
        raise Fault(f"Its forward cannot be called with ({names}): {error}. Give it these arguments.") from error
    output = subject.run(module, inputs)
    if not isinstance(output, OUTPUTS[subject.role]):
        raise Fault(f"A {subject.role} gives a {OUTPUTS[subject.role].__name__}; this one gives a {type(output).__name__}.")


def outputs_match_the_published_spec(subject: Subject) -> None:
    """Its output has the shapes that it publishes, or that its role fixes, and images stay in [-1, 1]."""
    module, rows = subject.module(), 3
    output = subject.run(module, subject.inputs(rows))
    found = {name: tuple(tensor.shape) for name, tensor in tensors(output).items()}
    if isinstance(output, Code):
        if wanted := _differs(found, _shapes_of(cast(CodeSpec, module.output_spec), subject, rows), output):
            raise Fault(f"{wanted} Let self.output_spec and forward say the same.")
    elif isinstance(output, DiscriminatorOutput):
        _check_scores(output, subject, rows)
    else:
        _check_image(cast(Tensor, output), subject, rows)


def runs_on_shapes_alone(subject: Subject) -> None:
    """A run on the meta device, which has no values, gives the shapes and types of a real run."""
    module, inputs = subject.module(), subject.inputs()
    real = subject.run(module, inputs)
    try:
        double = copy.deepcopy(module).to("meta")
        rehearsed = double(*onto(inputs[0], "meta"), **onto(inputs[1], "meta"))
    except Exception as error:
        raise Fault(
            f"It cannot be rehearsed: {type(error).__name__}: {error}. Make tensors on the device of the input, and do not look at values."
        ) from error
    found = {name: (tuple(each.shape), each.dtype) for name, each in tensors(rehearsed).items()}
    wanted = {name: (tuple(each.shape), each.dtype) for name, each in tensors(real).items()}
    if found != wanted:
        raise Fault(f"A rehearsal gives {found}, a real run {wanted}. Do not let shapes or types depend on values.")


def has_finite_gradients(subject: Subject) -> None:
    """In training, every trainable weight gets a finite gradient."""
    module = subject.module(training=True)
    weights = {name: each for name, each in module.named_parameters() if each.requires_grad}
    if not weights:
        raise Skipped("it has no weights")
    output = {name: each for name, each in tensors(subject.run(module, subject.inputs())).items() if each.is_floating_point()}
    if not any(each.requires_grad for each in output.values()):
        raise Fault("No gradient comes out of it. Leave out detach() and no_grad() in forward.")
    generator = torch.Generator().manual_seed(5)
    total = torch.stack([(each * torch.randn(each.shape, generator=generator)).sum() for each in output.values()]).sum()
    gradients = torch.autograd.grad(total, list(weights.values()), allow_unused=True)
    for what, bad in (
        ("get no gradient. Use them in forward, or leave them out", [n for n, g in zip(weights, gradients, strict=True) if g is None]),
        (
            "get a gradient that is not finite. Look for roots, logarithms and divisions at 0",
            [n for n, g in zip(weights, gradients, strict=True) if g is not None and not bool(torch.isfinite(g).all())],
        ),
    ):
        if bad:
            raise Fault(f"{len(bad)} of {len(weights)} weights ({', '.join(bad[:3])}{', ...' if len(bad) > 3 else ''}) {what}.")


def keeps_images_apart(subject: Subject) -> None:
    """In use, an image's result does not depend on the other images of its batch, unless ``mixes_batch`` says so."""
    if subject.declared.mixes_batch:
        raise Skipped("it declares mixes_batch")
    module, inputs = subject.module(), subject.inputs()
    if getattr(module, "stochastic", False):
        raise Skipped("it draws by itself")
    with torch.no_grad():
        together = tensors(subject.run(module, inputs))
        for row in range(2):
            alone = tensors(subject.run(module, (row_of(inputs[0], row), row_of(inputs[1], row))))
            compare(
                {name: each[row : row + 1] for name, each in together.items()},
                alone,
                f"Row {row} in a batch and alone",
                "Declare it: Component(..., mixes_batch=True), or do not mix images in eval mode.",
                tolerance=1e-4,
            )


def repeats_itself(subject: Subject) -> None:
    """The same seed gives the same weights and the same result."""
    inputs = subject.inputs()
    module = subject.module(7)
    with torch.no_grad():
        first = tensors(subject.run(module, inputs))
        advice = "Draw random numbers in training alone, or set stochastic = True so that the library gives it a stream."
        compare(tensors(subject.run(module, inputs)), first, "Two runs", advice, tolerance=0)
        advice = "Draw weights from torch's own generator."
        compare(tensors(subject.run(subject.module(7), inputs)), first, "Two built from one seed", advice, tolerance=0)


def survives_saving(subject: Subject) -> None:
    """What is saved is all of it: loaded into another one, it gives the same result."""
    inputs = subject.inputs()
    module, other = subject.module(0), subject.module(1)
    state: dict[str, Any] = module.state_dict()
    odd = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if odd:
        raise Fault(f'state_dict() holds "{odd[0]}", a {type(state[odd[0]]).__name__}. Files hold tensors alone.')
    try:
        other.load_state_dict({name: value.clone() for name, value in state.items()}, strict=True)
    except RuntimeError as error:
        raise Fault(f"state_dict() cannot be loaded: {' '.join(str(error).split())}.") from error
    with torch.no_grad():
        advice = "Keep every tensor that matters as a parameter or a buffer."
        compare(tensors(subject.run(other, inputs)), tensors(subject.run(module, inputs)), "Saved and loaded", advice, tolerance=0)


def runs_in_bfloat16(subject: Subject) -> None:
    """Under autocast to bfloat16 its results have the same shapes and are finite, and so are its gradients."""
    module, inputs = subject.module(training=True), subject.inputs()
    wanted = {name: tuple(each.shape) for name, each in tensors(subject.run(module, inputs)).items()}
    with torch.autocast("cpu", torch.bfloat16):
        output = tensors(subject.run(module, inputs))
    if {name: tuple(each.shape) for name, each in output.items()} != wanted:
        raise Fault("Under autocast it gives other shapes. Do not let them depend on the type.")
    if bad := [name for name, each in output.items() if not bool(torch.isfinite(each).all())]:
        raise Fault(f"Under autocast {bad[0]} is not finite. Do sums, means and exponentials in float32.")
    requires_grad = [each.float().square().mean() for each in output.values() if each.requires_grad]
    if requires_grad:
        torch.stack(requires_grad).sum().backward()  # type: ignore[no-untyped-call]
    for name, weight in module.named_parameters():
        if weight.grad is not None and not bool(torch.isfinite(weight.grad).all()):
            raise Fault(f"Under autocast the gradient of {name} is not finite. Do its statistics in float32.")


def compiles_whole(subject: Subject) -> None:
    """torch.compile captures it as one graph, and the graph gives the same result."""
    module, inputs = subject.module(), subject.inputs()
    if getattr(module, "stochastic", False):
        raise Skipped("it draws by itself")
    try:
        import torch._dynamo
    except ImportError as error:
        raise Skipped(f"this torch cannot compile ({error})") from error
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
            raise Fault(f"It cannot be captured as one graph: {reason} Leave Python branches on values out of forward.") from error
        finally:
            torch._dynamo.reset()
        advice = "Leave state out of forward."
        compare(tensors(output), tensors(subject.run(module, inputs)), "Compiled and eager", advice, tolerance=1e-5)


def touches_nothing_else(subject: Subject) -> None:
    """Making and using it changes no global setting, no random stream, none of its inputs, and in use no buffer."""
    with unchanged("Making it"):
        module = subject.module()
    inputs = subject.inputs()
    before = {name: each.clone() for name, each in tensors((inputs[0], inputs[1])).items()}
    held = {name: each.clone() for name, each in module.state_dict().items()}
    streams = getattr(module, "stochastic", False)
    with unchanged("Using it", stream=not streams), torch.no_grad():
        module(*inputs[0], **inputs[1])
    after = tensors((inputs[0], inputs[1]))
    compare(after, before, "Its inputs before and after", "Work on copies: other terms read the same tensors.", tolerance=0)
    compare(module.state_dict(), held, "Its weights and buffers before and after use", "Update buffers in training alone.", tolerance=0)


CHECKS = (
    is_documented,
    is_printable,
    keeps_its_protocol,
    outputs_match_the_published_spec,
    runs_on_shapes_alone,
    has_finite_gradients,
    keeps_images_apart,
    repeats_itself,
    survives_saving,
    runs_in_bfloat16,
    compiles_whole,
    touches_nothing_else,
)


def _shapes_of(output_spec: CodeSpec, subject: Subject, rows: int) -> dict[str, tuple[int, ...] | None]:
    """Return the shape of each part of a code; None where any will do."""
    shapes: dict[str, tuple[int, ...] | None] = {}
    for index, each in enumerate(output_spec.maps):
        shapes[f"maps.{index}"] = (rows, each.channels, *side(each, subject.image)) if each.stride else None
    if output_spec.style:
        shapes["style"] = (rows, *output_spec.style.shape)
    if output_spec.posterior:
        shapes |= {"posterior.mean": None, "posterior.logvar": None}
    return shapes


def _differs(found: dict[str, tuple[int, ...]], wanted: dict[str, tuple[int, ...] | None], output: Code) -> str:
    for name in [*wanted, *found]:
        if name not in wanted:
            return f"It gives {name} {list(found[name])}, which it does not publish."
        if name not in found:
            return f"It publishes {name}, and does not give it."
        shape = wanted[name]
        if shape is not None and found[name] != shape:
            return f"It publishes {name} {list(shape)}, and gives {list(found[name])}."
    return ""


def _check_scores(output: DiscriminatorOutput, subject: Subject, rows: int) -> None:
    if not output.scores:
        raise Fault("Its output has no scores. Give one tensor a scale.")
    for score in output.scores:
        if score.ndim not in (2, 4) or tuple(score.shape[:2]) != (rows, 1):
            raise Fault(f"A score is {list(score.shape)}; it is [B, 1] or [B, 1, H, W].")
    if output.domain_logits is not None and tuple(output.domain_logits.shape) != (rows, subject.domain.content):
        raise Fault(
            f"Its domain logits are {list(output.domain_logits.shape)}; needed are {[rows, subject.domain.content]}: "
            "one an entry of the label, the mask left out (domain.content)."
        )
    if not all(isinstance(scale, tuple) for scale in output.features):
        raise Fault("Its features are one tuple of maps a scale.")


def _check_image(image: Tensor, subject: Subject, rows: int) -> None:
    wanted = (rows, subject.image.channels, subject.image.height, subject.image.width)
    if tuple(image.shape) != wanted:
        raise Fault(f"It draws {list(image.shape)}; needed is {list(wanted)}.")
    low, high = image.min().item(), image.max().item()
    if not (low >= -1.001 and high <= 1.001):
        raise Fault(f"It draws values from {low:.3g} to {high:.3g}; images are in [-1, 1]. End in a tanh.")

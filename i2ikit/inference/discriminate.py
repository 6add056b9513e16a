"""Scores of images or codes by a discriminator of a model, outside of a step."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from i2ikit.core.calls import Call, run_network
from i2ikit.core.code import Code, DiscriminatorOutput
from i2ikit.core.contract import read, scores_codes
from i2ikit.core.nets import module_key
from i2ikit.core.random_streams import RandomStreams
from i2ikit.errors import DataError, OptionError, UnknownNameError, describe_exception
from i2ikit.inference.codes import count_rows
from i2ikit.inference.domains import eval_mode, find_domain, get_weight, resolve_domain
from i2ikit.inference.geometry import crop_to_training
from i2ikit.inference.model_images import read_image
from i2ikit.inference.pixel_checks import check_pixels
from i2ikit.out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    from i2ikit.core.model import Model

_INPUTS = {"source": "the source image", "label": "the label", "code": "the code"}
_EXAMPLES = {"source": "IMAGE", "label": '{"NAME": "VALUE"}', "code": "model.encode(IMAGE)"}


def discriminate(
    model: Model, image: Any, slot: str = "discriminator", *, domain: Any = None, source: Any = None, code: Code | None = None
) -> DiscriminatorOutput:
    """Return the output of a discriminator in eval mode, without gradients.

    Args:
        model: The model.
        image: Images as the model generates them, of any type that ``translate`` takes; a :class:`Code` for a discriminator of codes. They
            are cropped and resized if the network takes images of one size only.
        slot: The slot of the discriminator.
        domain: The domain of the images, if there is one discriminator for each domain or if the discriminator takes the label: its name,
            or for models with labels values by attribute or a label [B, D] or [D].
        source: The source images, of any type, for a discriminator that takes them.
        code: The code, for a discriminator of images that takes one, too.

    Raises:
        OptionError: An input is missing or of the wrong kind, or there is one discriminator for each pair of domains.
        UnknownNameError: There is no such discriminator, domain, attribute or value.
        DataError: An image cannot be read.
    """
    discriminators = [name for name, role in model.nets.roles.items() if role == "discriminator"]
    if slot not in discriminators:
        raise UnknownNameError("discriminator of this model", slot, discriminators)
    net, name = _find_network(model, slot, domain)
    of_codes, needed = scores_codes(net), read(net, "inputs")
    if of_codes != isinstance(image, Code):
        kinds = ("codes", "a Code, such as model.encode returns") if of_codes else ("images", "an image")
        raise OptionError(f'The discriminator "{slot}" scores {kinds[0]}; found {type(image).__name__}. Give {kinds[1]}.')
    scored = image if isinstance(image, Code) else check_pixels(read_image(model, image, spec=model.image).pixels).to(get_weight(model))
    rows = count_rows(scored) if isinstance(scored, Code) else len(scored)
    given, required = {"source": source, "label": domain, "code": code}, list_required_inputs(net)
    for each, value in given.items():
        option = "domain" if each == "label" else each
        if each in required and value is None:
            raise OptionError(
                f'{option}= is missing: the discriminator "{slot}" also takes {_INPUTS[each]}. Give it: {option}={_EXAMPLES[each]}.'
            )
        if each not in needed and value is not None and (each != "label" or name is None):
            raise OptionError(f'The discriminator "{slot}" does not take {_INPUTS[each]}. Leave {option}= out.')
    named: dict[str, Any] = {}
    if "source" in needed and source is not None:
        named["source"] = check_pixels(read_image(model, source).pixels, "source image").to(get_weight(model))
    if "label" in needed and domain is not None:
        named["label"] = resolve_domain(model, domain, rows).label
    if "code" in needed and code is not None:
        named["code"] = code
    if not read(net, "fixed_size"):  # the images for such a network are cropped and resized
        _check_sizes(scored, named.get("source"))
    try:
        with eval_mode(model):
            return score(model, scored, slot, net, named, name)
    except (RuntimeError, ValueError) as error:
        size = (model.image.height, model.image.width)
        if is_out_of_memory(error) or not isinstance(scored, Tensor) or tuple(scored.shape[-2:]) == size:
            raise
        found, built = ("x".join(map(str, each)) for each in (scored.shape[-2:], size))
        raise OptionError(
            f'The discriminator "{slot}" does not take images of {found}; the model was built for {built}. Resize the image. '
            f"({describe_exception(error)})"
        ) from error


def _check_sizes(scored: Tensor | Code, source: Tensor | None) -> None:
    """Raise DataError if the source image has another size than the scored one, or other rows."""
    if source is None or not isinstance(scored, Tensor):
        return
    if source.shape[-2:] != scored.shape[-2:] or len(source) != len(scored):
        shapes = " and ".join(str([len(each), *each.shape[-2:]]) for each in (source, scored))
        raise DataError(
            f"The source image and the image to score have the shapes [B, H, W] {shapes}. Give one source image for each, of its size."
        )


def list_required_inputs(net: nn.Module) -> list[str]:
    """Return the further inputs that a discriminator cannot do without: all but a label that has a default in ``forward`` (StarGAN)."""
    label = inspect.signature(net.forward).parameters.get("label")
    is_optional = label is not None and label.default is not inspect.Parameter.empty
    return [name for name in read(net, "inputs") if name != "label" or not is_optional]


def score(
    model: Model, scored: Tensor | Code, slot: str, net: nn.Module, named: dict[str, Any], domain: str | None = None
) -> DiscriminatorOutput:
    """Run a discriminator, through its wrappers, on images [B, C, H, W] in [-1, 1] or on codes."""
    if isinstance(scored, Tensor) and read(net, "fixed_size"):
        scored = crop_to_training(scored, model.image, model.preprocessing)
        if "source" in named:
            nearest = not model.source.is_picture
            named = {**named, "source": crop_to_training(named["source"], model.image, model.preprocessing, nearest=nearest)}
    like = get_weight(model)
    call = Call(slot, f"discriminate/{slot}", RandomStreams(("discriminate", 0), device=like.device, dtype=like.dtype))
    output: DiscriminatorOutput = run_network(net, call, model.nets.get_wrappers(slot, domain), (scored,), named)
    return output


def _find_network(model: Model, slot: str, domain: Any) -> tuple[nn.Module, str | None]:
    """Return the network of a slot, and the domain that it belongs to, if there is one network for each domain."""
    net = model.slot(slot)
    if not isinstance(net, nn.ModuleDict):
        return net, None
    if model.nets.slots[slot].per == "pair":
        raise OptionError(f'Slot "{slot}" has one network per pair of domains. Call one yourself: model.slot("{slot}")["a_to_b"](image).')
    name = find_domain(model, domain, "domain")
    found: nn.Module = net[module_key(name)]
    return found, name

"""Calls of the factories of components, with their options and specs."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from i2ikit.core.component import get_annotation, get_factory_options
from i2ikit.core.contract import FACTORY_ARGUMENTS
from i2ikit.core.recipe import Recipe
from i2ikit.core.registry import Registry
from i2ikit.core.slot import Term
from i2ikit.core.validators import check_type
from i2ikit.errors import I2IKitError, OptionError, SpecError, UnknownNameError, describe_exception, get_reason


def call_factory(component: str, factory: Callable[..., Any], options: Mapping[str, Any], specs: Mapping[str, Any]) -> Any:
    """Call a factory with its options and specs. If it fails, the error names the options.

    Raises:
        UnknownNameError: The factory has no such option.
        OptionError: An option is missing or has the wrong type, or the factory fails.
    """
    arguments = _make_arguments(component, factory, get_factory_options(factory), options, specs)
    given = ", ".join(f"{name}={value!r}" for name, value in options.items())
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Initializing zero-element tensors")
            made = factory(**arguments)
    except I2IKitError:
        raise
    except Exception as error:
        if not options:
            raise OptionError(f'"{component}" cannot be made ({describe_exception(error)}).') from error
        cause = f"{type(error).__name__}: {get_reason(error)}"
        raise OptionError(f'"{component}" cannot be made with {given} ({cause}). Change these options.') from error
    if isinstance(made, nn.Module) and any(not weight.numel() for weight in made.parameters()):
        raise OptionError(f'"{component}" has empty weights{f" with {given}" if given else ""}. Use larger values.')
    return made


def _make_arguments(
    component: str,
    factory: Callable[..., Any],
    parameters: Mapping[str, inspect.Parameter],
    options: Mapping[str, Any],
    specs: Mapping[str, Any],
) -> dict[str, Any]:
    known = [name for name in parameters if name not in FACTORY_ARGUMENTS]
    for name, value in options.items():
        if name not in known:
            raise UnknownNameError(f'option of "{component}"', name, known)
        check_type(f"{component}.{name}", get_annotation(factory, parameters[name]), value)
    missing = [name for name in known if parameters[name].default is inspect.Parameter.empty and name not in options]
    if missing:
        raise OptionError(f'"{component}" requires the option "{missing[0]}", which is missing. Add it: {{"{missing[0]}": VALUE}}.')
    for name in FACTORY_ARGUMENTS:
        if name in parameters and name not in specs and parameters[name].default is inspect.Parameter.empty:
            raise SpecError(f'"{component}" requires "{name}" ({FACTORY_ARGUMENTS[name]}), which this model does not have.')
    return {**{name: specs[name] for name in FACTORY_ARGUMENTS if name in parameters and name in specs}, **options}


def make_loss(term: Term, recipe: Recipe, registry: Registry) -> Any:
    """Make the loss of a term: a function of one translation.

    Raises:
        UnknownNameError: There is no such loss or option.
        OptionError: An option is missing or has the wrong type.
    """
    factory = registry.resolve(term.loss, "loss") if isinstance(term.loss, str) else term.loss
    if isinstance(factory, nn.Module):
        return factory.requires_grad_(False)
    name = term.loss if isinstance(term.loss, str) else getattr(term.loss, "__name__", "loss")
    parameters = dict(get_factory_options(factory))
    if inspect.isclass(factory):
        made = call_factory(name, factory, term.options, {"image": recipe.image, "domain": recipe.labels})
        return made.requires_grad_(False) if isinstance(made, nn.Module) else made
    parameters.pop(next(iter(parameters), ""), None)  # the first parameter of a loss is the translation, not an option
    arguments = _make_arguments(name, factory, parameters, term.options, {})
    return functools.partial(factory, **arguments) if arguments else factory

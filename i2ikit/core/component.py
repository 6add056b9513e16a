"""The declaration of a component, and the options of its factory. This module does not import torch."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, get_args

from attrs import frozen

from i2ikit.errors import PluginError, suggest

Role = Literal["encoder", "conditioner", "generator", "discriminator", "loss", "plan", "wrapper"]
ROLES: tuple[str, ...] = get_args(Role)

is_restoring: ContextVar[bool] = ContextVar("restoring", default=False)
"""True while a saved model or a run is restored. It contains all weights, so other files with weights are not required."""


@contextmanager
def restoring() -> Iterator[None]:
    """Return a context in which a model is built whose weights are read afterwards from its own files."""
    token = is_restoring.set(True)
    try:
        yield
    finally:
        is_restoring.reset(token)


_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@frozen
class Component:
    """The declaration of one component. It allows the component to be listed and found without an import.

    Attributes:
        name: ``<family>_<what it is>``, such as ``"stargan_discriminator"``: lower-case letters, digits and underscores.
        role: The protocol of the component; "plan" for a function that makes translations from a batch, "wrapper" for a module that stands
            around a network.
        factory: The class or function that makes the component, as ``"module:factory"``.
        description: What the component is, in one line.
        mixes_batch: Whether the output for one image depends on the other images of the batch (batch norm, minibatch standard deviation).
        curve: For a loss: what its curve means during training, in which direction it moves and where it should settle.
        equilibrium: For a loss of one discriminator scale: its unweighted value when neither player can improve; None if there is none.

    Raises:
        PluginError: A field does not have this form.
    """

    name: str
    role: Role
    factory: str
    description: str
    mixes_batch: bool = False
    curve: str = ""
    equilibrium: float | None = None

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise PluginError(
                f"{self.name!r} is not a valid component name. Use lower-case letters, digits and underscores, such as family_what_it_is."
            )
        if self.role not in ROLES:
            raise PluginError(f'Component "{self.name}" has the role {self.role!r}. {suggest(str(self.role), ROLES)}')
        if not isinstance(self.factory, str) or not _FACTORY.fullmatch(self.factory):
            raise PluginError(
                f'Component "{self.name}" has the factory {self.factory!r}. '
                f'Write "module:factory", for example "i2ikit_example.discriminator:Discriminator".'
            )
        if not isinstance(self.description, str) or not self.description.strip() or "\n" in self.description:
            raise PluginError(f'Component "{self.name}" has the description {self.description!r}. Describe the component in one line.')


def get_factory_options(factory: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the named options of a component's factory, in order.

    Raises:
        PluginError: The factory takes ``*args``, ``**kwargs`` or positional-only options. A misspelled option could not be detected.
    """
    if _inherits_from_module(factory):
        return {}
    try:
        # Annotations stay strings: evaluating them could import modules that only a type checker needs.
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError) as error:
        raise PluginError(
            f"{_describe_factory(factory)} has no signature that can be read ({error}). Use a class or a function."
        ) from error
    for name, parameter in parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            raise PluginError(
                f'{_describe_factory(factory)} takes "**{name}". List every option by name: a misspelled option can then be detected.'
            )
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            raise PluginError(f'{_describe_factory(factory)} takes "*{name}". List every option by name.')
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise PluginError(f'{_describe_factory(factory)} has the positional-only option "{name}" (before "/"). Remove the "/".')
    return dict(parameters)


def get_annotation(factory: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """Return the type in an option's annotation, or ``Any`` if the annotation can only be evaluated by a type checker."""
    if not isinstance(parameter.annotation, str):
        return Any if parameter.annotation is inspect.Parameter.empty else parameter.annotation
    function = factory.__init__ if inspect.isclass(factory) else factory
    try:
        return eval(parameter.annotation, getattr(inspect.unwrap(function), "__globals__", {}))  # noqa: S307 - the plugin's own source
    except Exception:  # noqa: BLE001 - a name behind TYPE_CHECKING, or syntax of a newer Python
        return Any


def _inherits_from_module(factory: object) -> bool:
    """Return whether a factory is a module class without its own constructor. The one of ``nn.Module`` takes ``*args``, but no options."""
    if not inspect.isclass(factory):
        return False
    owner = next(each for each in factory.__mro__ if "__init__" in vars(each))
    return owner.__module__ == "torch.nn.modules.module"


def _describe_factory(factory: object) -> str:
    module, name = getattr(factory, "__module__", "?"), getattr(factory, "__qualname__", repr(factory))
    return f'Factory "{module}:{name}"'

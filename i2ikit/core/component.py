"""What a plugin declares of a component, and what its factory may ask for. Imports no torch."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Literal, get_args

from attrs import frozen

from i2ikit.errors import PluginError, suggest

Role = Literal["encoder", "conditioner", "generator", "discriminator", "loss", "plan"]
ROLES: tuple[str, ...] = get_args(Role)

is_restoring: ContextVar[bool] = ContextVar("restoring", default=False)
"""Whether parts are being made for a saved model, which brings all weights: files that fixed weights came from need not be there."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PLACE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@frozen
class Component:
    """The declaration of one part: enough to list it and find it without importing it.

    Attributes:
        name: ``<family>_<what it is>``, such as ``"stargan_discriminator"``: small letters, digits and underscores.
        role: The protocol that it keeps; "plan" for a function that makes translations of a batch.
        factory: Where its factory stands, ``"module:factory"``: a class, or a function.
        description: What it is, in one line.
        mixes_batch: Whether one image's result depends on the other images of the batch (batch norm, minibatch deviation).
        curve: What a loss's curve means, which way it goes and where it stays, for people who watch a training.
        equilibrium: The unweighted value that a loss keeps where neither player can win, for a discriminator of one scale; None where there is none.

    Raises:
        PluginError: A field is not of that form.
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
            raise PluginError(f"A component is called {self.name!r}. Use small letters, digits and underscores: family_what_it_is.")
        if self.role not in ROLES:
            raise PluginError(f'Component "{self.name}" has the role {self.role!r}. {suggest(str(self.role), ROLES)}')
        if not isinstance(self.factory, str) or not _PLACE.fullmatch(self.factory):
            raise PluginError(
                f'Component "{self.name}" has the factory {self.factory!r}. Write "module:factory", as in "i2ikit_example.discriminator:Discriminator".'
            )
        if not isinstance(self.description, str) or not self.description.strip() or "\n" in self.description:
            raise PluginError(f'Component "{self.name}" says {self.description!r}. Say in one line what it is.')


def get_factory_options(factory: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the named options of a component's factory, in their order.

    Raises:
        PluginError: The factory takes ``*args``, ``**kwargs`` or options without a name: a misspelling would pass unseen.
    """
    if _inherits_from_module(factory):
        return {}
    try:
        # Annotations stay as written: resolving them would import what only a type checker needs.
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError) as error:
        raise PluginError(f"{_called(factory)} has no signature to read ({error}). Use a class or a function.") from error
    for name, parameter in parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            raise PluginError(f'{_called(factory)} takes "**{name}". Name each option, so that a misspelled one is found.')
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            raise PluginError(f'{_called(factory)} takes "*{name}". Name each option.')
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise PluginError(f'{_called(factory)} takes "{name}" without its name (before "/"). Options are given by name.')
    return dict(parameters)


def annotation_of(factory: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """Return what an option's annotation means, or ``Any`` where it names something that only a type checker knows."""
    if not isinstance(parameter.annotation, str):
        return Any if parameter.annotation is inspect.Parameter.empty else parameter.annotation
    function = factory.__init__ if inspect.isclass(factory) else factory
    try:
        return eval(parameter.annotation, getattr(inspect.unwrap(function), "__globals__", {}))  # noqa: S307 - the plugin's own source
    except Exception:  # noqa: BLE001 - a name behind TYPE_CHECKING, or syntax of a newer Python
        return Any


def _inherits_from_module(factory: object) -> bool:
    """Tell a module class without a constructor of its own; what it inherits from torch takes ``*args`` and no options."""
    if not inspect.isclass(factory):
        return False
    owner = next(each for each in factory.__mro__ if "__init__" in vars(each))
    return owner.__module__ == "torch.nn.modules.module"


def _called(factory: object) -> str:
    module, name = getattr(factory, "__module__", "?"), getattr(factory, "__qualname__", repr(factory))
    return f'Factory "{module}:{name}"'

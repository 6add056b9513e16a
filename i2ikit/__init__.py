"""GAN image-to-image translation in PyTorch: systems assembled from exchangeable components, each of them a plugin.

The public names are imported when they are first used, so that importing the package imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from i2ikit import errors as errors
    from i2ikit import evaluate as evaluate
    from i2ikit import ops as ops
    from i2ikit.core.build import build as build
    from i2ikit.core.catalogue import list_components as list_components
    from i2ikit.core.catalogue import list_recipes as list_recipes
    from i2ikit.core.catalogue import recipe as recipe
    from i2ikit.core.code import Code as Code
    from i2ikit.core.code import DiscriminatorOutput as DiscriminatorOutput
    from i2ikit.core.code import Posterior as Posterior
    from i2ikit.core.component import Component as Component
    from i2ikit.core.domain import Attribute as Attribute
    from i2ikit.core.domain import DomainSpec as DomainSpec
    from i2ikit.core.domain import LabelSet as LabelSet
    from i2ikit.core.hookspecs import hookimpl as hookimpl
    from i2ikit.core.memo import detached_after_update as detached_after_update
    from i2ikit.core.model import Model as Model
    from i2ikit.core.nets import Nets as Nets
    from i2ikit.core.official import import_official as import_official
    from i2ikit.core.plans import batch_kind as batch_kind
    from i2ikit.core.plans import draw_style as draw_style
    from i2ikit.core.random_streams import RandomStreams as RandomStreams
    from i2ikit.core.recipe import Player as Player
    from i2ikit.core.recipe import Recipe as Recipe
    from i2ikit.core.registry import PluginWarning as PluginWarning
    from i2ikit.core.registry import Registry as Registry
    from i2ikit.core.registry import default_registry as default_registry
    from i2ikit.core.slot import Slot as Slot
    from i2ikit.core.slot import Term as Term
    from i2ikit.core.specs import CodeSpec as CodeSpec
    from i2ikit.core.specs import ImageSpec as ImageSpec
    from i2ikit.core.specs import MapSpec as MapSpec
    from i2ikit.core.specs import StyleSpec as StyleSpec
    from i2ikit.core.storage import load as load
    from i2ikit.core.training import Ema as Ema
    from i2ikit.core.training import Optimizer as Optimizer
    from i2ikit.core.training import Schedule as Schedule
    from i2ikit.core.translation import Translation as Translation
    from i2ikit.core.translation import view as view
    from i2ikit.cpu import tune_cpu as tune_cpu
    from i2ikit.data import open_data as open_data
    from i2ikit.train import fit as fit

# Where each public name is defined. A name without a module of its own here is the subpackage of that name.
_DEFINED_IN = {
    "Attribute": "i2ikit.core.domain",
    "Code": "i2ikit.core.code",
    "CodeSpec": "i2ikit.core.specs",
    "Component": "i2ikit.core.component",
    "DomainSpec": "i2ikit.core.domain",
    "RandomStreams": "i2ikit.core.random_streams",
    "Ema": "i2ikit.core.training",
    "ImageSpec": "i2ikit.core.specs",
    "LabelSet": "i2ikit.core.domain",
    "MapSpec": "i2ikit.core.specs",
    "Model": "i2ikit.core.model",
    "Nets": "i2ikit.core.nets",
    "Optimizer": "i2ikit.core.training",
    "Player": "i2ikit.core.recipe",
    "PluginWarning": "i2ikit.core.registry",
    "Posterior": "i2ikit.core.code",
    "Recipe": "i2ikit.core.recipe",
    "Registry": "i2ikit.core.registry",
    "Schedule": "i2ikit.core.training",
    "Slot": "i2ikit.core.slot",
    "StyleSpec": "i2ikit.core.specs",
    "Term": "i2ikit.core.slot",
    "Translation": "i2ikit.core.translation",
    "DiscriminatorOutput": "i2ikit.core.code",
    "build": "i2ikit.core.build",
    "default_registry": "i2ikit.core.registry",
    "errors": "",
    "evaluate": "",
    "fit": "i2ikit.train",
    "hookimpl": "i2ikit.core.hookspecs",
    "import_official": "i2ikit.core.official",
    "detached_after_update": "i2ikit.core.memo",
    "list_components": "i2ikit.core.catalogue",
    "list_recipes": "i2ikit.core.catalogue",
    "load": "i2ikit.core.storage",
    "open_data": "i2ikit.data",
    "ops": "",
    "draw_style": "i2ikit.core.plans",
    "batch_kind": "i2ikit.core.plans",
    "recipe": "i2ikit.core.catalogue",
    "tune_cpu": "i2ikit.cpu",
    "view": "i2ikit.core.translation",
}

__all__ = [
    "Attribute",
    "Code",
    "CodeSpec",
    "Component",
    "DiscriminatorOutput",
    "DomainSpec",
    "Ema",
    "ImageSpec",
    "LabelSet",
    "MapSpec",
    "Model",
    "Nets",
    "Optimizer",
    "Player",
    "PluginWarning",
    "Posterior",
    "RandomStreams",
    "Recipe",
    "Registry",
    "Schedule",
    "Slot",
    "StyleSpec",
    "Term",
    "Translation",
    "batch_kind",
    "build",
    "default_registry",
    "detached_after_update",
    "draw_style",
    "errors",
    "evaluate",
    "fit",
    "hookimpl",
    "import_official",
    "list_components",
    "list_recipes",
    "load",
    "open_data",
    "ops",
    "recipe",
    "tune_cpu",
    "view",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _DEFINED_IN:
        raise AttributeError(f'module "i2ikit" has no attribute "{name}"')
    module = _DEFINED_IN[name]
    value = getattr(import_module(module), name) if module else import_module(f"i2ikit.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})

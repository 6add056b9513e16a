"""GAN image-to-image translation in PyTorch: systems assembled from exchangeable components, each of them a plugin.

The public names are imported when they are first used, so that importing the package imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from i2ikit.lazy import attach

__version__ = "0.1.0"

if TYPE_CHECKING:  # the list of the public names
    from i2ikit import errors as errors
    from i2ikit import evaluation as evaluation
    from i2ikit import ops as ops
    from i2ikit.core.batch_kinds import BatchKind as BatchKind
    from i2ikit.core.build import build as build
    from i2ikit.core.calls import Call as Call
    from i2ikit.core.catalogue import list_components as list_components
    from i2ikit.core.catalogue import list_recipes as list_recipes
    from i2ikit.core.catalogue import recipe as recipe
    from i2ikit.core.code import Code as Code
    from i2ikit.core.code import ConditionedCode as ConditionedCode
    from i2ikit.core.code import DiscriminatorOutput as DiscriminatorOutput
    from i2ikit.core.code import Posterior as Posterior
    from i2ikit.core.component import Component as Component
    from i2ikit.core.domain import Attribute as Attribute
    from i2ikit.core.domain import DomainSpec as DomainSpec
    from i2ikit.core.domain import LabelSet as LabelSet
    from i2ikit.core.hookspecs import hookimpl as hookimpl
    from i2ikit.core.load import load as load
    from i2ikit.core.memo import detached_after_update as detached_after_update
    from i2ikit.core.model import Model as Model
    from i2ikit.core.nets import Nets as Nets
    from i2ikit.core.official import import_official as import_official
    from i2ikit.core.plans import batch_kind as batch_kind
    from i2ikit.core.player import Player as Player
    from i2ikit.core.random_streams import RandomStreams as RandomStreams
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
    from i2ikit.core.style_draws import draw_style as draw_style
    from i2ikit.core.training import Ema as Ema
    from i2ikit.core.training import Optimizer as Optimizer
    from i2ikit.core.training import Schedule as Schedule
    from i2ikit.core.translation import Translation as Translation
    from i2ikit.core.translation import view as view
    from i2ikit.cpu import tune_cpu as tune_cpu
    from i2ikit.data import open_data as open_data
    from i2ikit.evaluation import evaluate as evaluate
    from i2ikit.train import fit as fit
    from i2ikit.train import resume as resume

__getattr__, __dir__, __all__ = attach(__name__)

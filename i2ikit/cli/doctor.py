"""``i2ikit doctor``: what is installed, on which devices it runs, and which plugins do not."""

from __future__ import annotations

import os
import platform
import re
import warnings
from collections.abc import Iterator
from importlib import metadata

import click

from i2ikit import __version__
from i2ikit.core.registry import PluginWarning, default_registry
from i2ikit.errors import I2IKitError


@click.command()
def doctor() -> None:
    """Show versions, devices, and plugins with what is wrong with them."""
    registry = default_registry()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)  # said below
        plugins, failures = registry.plugins(), registry.failures
    click.echo(f"i2ikit {__version__}")
    click.echo(f"Python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")
    for line in _torch():
        click.echo(line)
    for line in _operators():
        click.echo(line)
    click.echo("packages:")
    for name, version in _packages():
        click.echo(f"  {name} {version}")
    click.echo("plugins:")
    for offer in plugins:
        click.echo(f"  {offer.plugin} ({offer.distribution}): {len(offer.components)} components, {len(offer.recipes)} recipes")
    for failure in failures:
        click.secho(f"  {failure}", fg="red")


def _torch() -> Iterator[str]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield f"torch cannot be imported: {error}"
        return
    yield f"torch {torch.__version__}, {torch.get_num_threads()} threads"
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if accelerator is None:
        yield "devices: cpu"
        return
    named = getattr(torch.get_device_module(accelerator), "get_device_name", None)
    count = torch.accelerator.device_count()
    yield "devices: cpu, " + ", ".join(f"{accelerator.type}:{index}{f' ({named(index)})' if named else ''}" for index in range(count))


def _operators() -> Iterator[str]:
    """Say which implementation each operator runs, on the CPU and on an accelerator, and why."""
    try:
        import torch
    except (ImportError, OSError):
        return
    from i2ikit.core.device import accelerator
    from i2ikit.ops.choice import OPERATORS, reason

    yield "operators:"
    for device in filter(None, (torch.device("cpu"), accelerator())):
        for name in OPERATORS:
            try:
                yield "  {} on {}: {} ({})".format(name, device.type, *reason(name, device))
            except I2IKitError as error:
                yield f"  {name} on {device.type}: none ({error})"


def _packages() -> Iterator[tuple[str, str]]:
    """Give the packages that the library needs, by its own metadata, each with its version."""
    for requirement in metadata.requires("i2ikit") or ():
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, "is missing"

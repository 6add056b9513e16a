"""``i2ikit doctor``: installed versions, devices, operators, plugins and the errors of plugins."""

from __future__ import annotations

import os
import platform
import re
import warnings
from collections.abc import Iterator
from importlib import metadata

import click

from i2ikit import __version__
from i2ikit.cli.output import echo
from i2ikit.core.registry import PluginWarning, default_registry
from i2ikit.errors import I2IKitError, format_count


@click.command()
def doctor() -> None:
    """Show versions, devices, plugins and the errors of plugins."""
    registry = default_registry()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)  # the failures are printed below
        plugins, failures = registry.plugins(), registry.failures
    echo(f"i2ikit {__version__}")
    echo(f"Python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")
    for line in _describe_torch():
        echo(line)
    for line in _list_operators():
        echo(line)
    echo("packages:")
    for name, version in _list_packages():
        echo(f"  {name} {version}")
    echo("optional packages:")
    for name, version in _list_packages(optional=True):
        echo(f"  {name} {version}")
    echo("plugins:")
    for plugin in plugins:
        content = f"{format_count(len(plugin.components), 'component')}, {format_count(len(plugin.recipes), 'recipe')}"
        echo(f"  {plugin.name} ({plugin.distribution}): {content}")
    for failure in failures:
        echo(f"  {failure}", colour="red")


def _describe_torch() -> Iterator[str]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield f"torch cannot be imported: {error}"
        return
    yield f"torch {torch.__version__}, {format_count(torch.get_num_threads(), 'thread')}"
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if accelerator is None:
        yield "devices: cpu"
        return
    get_name = getattr(torch.get_device_module(accelerator), "get_device_name", None)
    count = torch.accelerator.device_count()
    yield "devices: cpu, " + ", ".join(f"{accelerator.type}:{index}{f' ({get_name(index)})' if get_name else ''}" for index in range(count))


def _list_operators() -> Iterator[str]:
    """List which implementation each operator uses on the CPU and on an accelerator, and why."""
    try:
        import torch
    except (ImportError, OSError):
        return
    from i2ikit.core.device import accelerator
    from i2ikit.ops.implementations import OPERATORS, explain_implementation

    yield "operators:"
    for device in filter(None, (torch.device("cpu"), accelerator())):
        for name in OPERATORS:
            try:
                yield "  {} on {}: {} ({})".format(name, device.type, *explain_implementation(name, device))
            except I2IKitError as error:
                yield f"  {name} on {device.type}: none ({error})"


def _list_packages(*, optional: bool = False) -> Iterator[tuple[str, str]]:
    """List the packages that the library requires by its metadata, and their versions; or those of its extras for users."""
    for requirement in metadata.requires("i2ikit") or ():
        extra = match[1] if (match := re.search(r"extra == ['\"]([\w-]+)", requirement)) else ""
        if bool(extra) != optional or extra == "dev":
            continue
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            yield name, f"{metadata.version(name)} ({extra})" if extra else metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, f'is not installed: pip install "i2ikit[{extra}]"' if extra else "is not installed"

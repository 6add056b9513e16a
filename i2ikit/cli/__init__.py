"""The command line: ``i2ikit COMMAND``. Each command has a module, which is imported when the command runs: ``--help`` imports no torch."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from i2ikit import __version__
from i2ikit.cli.option_names import rename_error
from i2ikit.cli.output import echo, print_error, print_warning, release_output, show_unencodable_characters
from i2ikit.cli.strict import make_strict
from i2ikit.cli.unexpected import EXIT_CODE, describe_system_error, describe_unexpected, shows_tracebacks
from i2ikit.errors import I2IKitError, UnknownNameError
from i2ikit.lasting_output import replace_closed_streams

# Command -> (its import path, its line in the help).
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("i2ikit.cli.demo:demo", "Train on cartoon faces and write a report page."),
    "train": ("i2ikit.cli.train:train", "Train a recipe on your images, or resume a run."),
    "translate": ("i2ikit.cli.translate:translate", "Translate image files, folders or globs with a trained model."),
    "sample": ("i2ikit.cli.sample:sample", "Generate images from noise with a trained model."),
    "eval": ("i2ikit.cli.eval:evaluate", "Evaluate a run on its test split."),
    "page": ("i2ikit.cli.page:page", "Write the report page of a run again."),
    "data": ("i2ikit.cli.data:data", "Check a data set, or make the built-in data set."),
    "import": ("i2ikit.cli.import_:import_", "Import the weights of an original implementation."),
    "list": ("i2ikit.cli.catalogue:catalogue", "List the available recipes and components."),
    "describe": ("i2ikit.cli.describe:describe", "Describe a component or a recipe and list its options."),
    "bench": ("i2ikit.cli.bench:bench", "Benchmark the operators on this machine."),
    "doctor": ("i2ikit.cli.doctor:doctor", "Show versions, devices, plugins and the errors of plugins."),
}


# Raised for a group without a command. Before click 8.2, click printed the help itself.
_NO_ARGUMENTS_ERRORS: tuple[type[Exception], ...] = tuple(filter(None, [getattr(click.exceptions, "NoArgsIsHelpError", None)]))


class LazyGroup(click.Group):
    """A click group that imports the module of a command when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is not a click command")
        return make_strict(command)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except I2IKitError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            if command is not None:
                rename_error(error, command)
            raise

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise UnknownNameError("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(command, description) for command, (_, description) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, subcommand_metavar="COMMAND ...", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="i2ikit")
def cli() -> None:
    """Image-to-image translation with GANs. `i2ikit COMMAND --help` explains a command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    It is 2 after a user error, which is printed as one line; 1 after an error that was not foreseen, or if the reader of the output has
    ended; and 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    warnings.showwarning = print_warning
    warnings.filterwarnings("ignore", module=r"PIL\.")  # about the metadata of an image that is read nevertheless, without its name
    replace_closed_streams()
    show_unencodable_characters()
    try:
        result = cli.main(words, prog_name="i2ikit", standalone_mode=False)
    except I2IKitError as error:
        return print_error(str(error))
    except click.UsageError as error:
        if isinstance(error, _NO_ARGUMENTS_ERRORS) and error.ctx is not None:
            echo(error.ctx.get_help())
            return 0
        path, text = error.ctx.command_path if error.ctx else "i2ikit", error.format_message()
        return print_error(f"{text}{'' if text.endswith(('.', '?', '!')) else '.'} See `{path} --help`.")
    except click.ClickException as error:
        return print_error(error.format_message())
    except click.Abort:  # click raises Abort for Ctrl-C
        echo("interrupted", colour="yellow", err=True)
        return 130
    except Exception as error:
        release_output()
        known = describe_system_error(error, _find_command(words))
        if known is None and shows_tracebacks():
            raise
        print_error(known or describe_unexpected(error))
        return 2 if known else EXIT_CODE
    if lost := release_output():
        return print_error(f"{lost}.")
    return result if isinstance(result, int) else 0


def _find_command(words: Sequence[str]) -> click.Command | None:
    """Return the command that was called, or the one in a group."""
    context, command = click.Context(cli), cli.get_command(click.Context(cli), words[0]) if words and words[0] in COMMANDS else None
    if isinstance(command, click.Group):
        return command.get_command(context, words[1]) if len(words) > 1 else None
    return command


if __name__ == "__main__":
    sys.exit(main())

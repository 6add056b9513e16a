"""The command line: ``i2ikit VERB``. One module a verb, imported when the verb runs, so that help imports no torch."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module

import click

from i2ikit import __version__
from i2ikit.errors import I2IKitError, UnknownNameError

# Verb -> where its command stands, and what the help says of it.
VERBS: dict[str, tuple[str, str]] = {
    "demo": ("i2ikit.cli.demo:demo", "Train on drawn faces and leave a page of pictures and numbers."),
    "train": ("i2ikit.cli.train:train", "Train a recipe on your images, or go on with a run."),
    "translate": ("i2ikit.cli.translate:translate", "Translate files, folders or globs with a trained model."),
    "eval": ("i2ikit.cli.eval:evaluate", "Measure a run on its test split, each number with its protocol."),
    "page": ("i2ikit.cli.page:page", "Write the page of a run again."),
    "data": ("i2ikit.cli.data:data", "Check a data set, or make the built-in ones."),
    "import": ("i2ikit.cli.import_:import_", "Convert the weights of an original repository."),
    "list": ("i2ikit.cli.catalogue:catalogue", "List components by role, and recipes."),
    "describe": ("i2ikit.cli.describe:describe", "Say what a component or a recipe is and which options it takes."),
    "bench": ("i2ikit.cli.bench:bench", "Measure how fast the operators are on this machine."),
    "doctor": ("i2ikit.cli.doctor:doctor", "Show versions, devices, and plugins with what is wrong with them."),
}


# A verb without its arguments; before click 8.2 the help was printed by click itself.
_ASKS_FOR_HELP: tuple[type[Exception], ...] = tuple(filter(None, [getattr(click.exceptions, "NoArgsIsHelpError", None)]))


class LazyGroup(click.Group):
    """A group that imports a verb's module when the verb is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is no click command")
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            raise UnknownNameError("verb", args[0], VERBS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, description) for verb, (_, description) in VERBS.items()])


@click.group(
    cls=LazyGroup, subcommand_metavar="VERB ...", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="i2ikit")
def cli() -> None:
    """GAN image-to-image translation. `i2ikit VERB --help` says more of each verb."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 2 after one line for an error of the user's, 130 after Ctrl-C."""
    warnings.showwarning = _one_line
    try:
        result = cli.main(None if arguments is None else list(arguments), prog_name="i2ikit", standalone_mode=False)
    except I2IKitError as error:
        return _fail(str(error))
    except click.UsageError as error:
        if isinstance(error, _ASKS_FOR_HELP) and error.ctx is not None:
            click.echo(error.ctx.get_help())
            return 0
        path, said = error.ctx.command_path if error.ctx else "i2ikit", error.format_message()
        return _fail(f"{said}{'' if said.endswith(('.', '?', '!')) else '.'} `{path} --help` shows what there is.")
    except click.ClickException as error:
        return _fail(error.format_message())
    except click.Abort:  # click's word for Ctrl-C
        click.secho("interrupted", fg="yellow", err=True)
        return 130
    except OSError as error:
        if error.strerror is None:
            raise
        return _fail(f'{error.strerror}: "{error.filename}".' if error.filename else f"{error.strerror}.")
    return result if isinstance(result, int) else 0


def _fail(line: str) -> int:
    click.secho(f"error: {line}", fg="red", err=True)
    return 2


def _one_line(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    click.secho(f"warning: {message}", fg="yellow", err=True)


if __name__ == "__main__":
    sys.exit(main())

"""The command line: help, list, describe, doctor, and the form of errors."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from i2ikit import cli, default_registry
from i2ikit.cli import COMMANDS, main
from i2ikit.cli.memory_hints import suggest_less_memory
from i2ikit.errors import DataError


def make_failing_command(error: BaseException) -> click.Command:
    def run() -> None:
        raise error

    return click.Command("broken", callback=run)


@pytest.fixture
def add_broken_command(monkeypatch: pytest.MonkeyPatch):
    def add(error: BaseException) -> None:
        monkeypatch.setitem(cli.COMMANDS, "broken", ("test_broken_command:command", "Breaks."))
        monkeypatch.setattr(cli, "import_module", lambda name: type("Module", (), {"command": make_failing_command(error)}))

    return add


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown and description in shown for command, (_, description) in COMMANDS.items())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_a_command_with_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"i2ikit {command}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["data"], ["data", "make"]])
def test_a_group_without_a_command_prints_its_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("Usage: i2ikit")
    assert shown.err == ""


def test_an_error_that_is_a_question_has_no_extra_full_stop(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "make", "facs"]) == 2
    error = capsys.readouterr().err
    assert "?." not in error
    assert error.endswith(" See `i2ikit data make --help`.\n")


def test_an_unknown_command_is_one_line_with_suggestions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    shown = capsys.readouterr()
    assert shown.err == 'error: No command is called "trian". Did you mean "train" or "translate"?\n'
    assert shown.out == ""


def test_an_unknown_option_is_one_line_that_refers_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--rol", "loss"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: No such option")
    assert error.endswith("See `i2ikit list --help`.\n")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DataError('Folder "x" is empty.'), 2, 'error: Folder "x" is empty.\n'),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (OSError(28, "No space left on device", "run/weights"), 2, 'error: No space left on device: "run/weights".\n'),
        (click.ClickException("A line."), 2, "error: A line.\n"),
    ],
)
def test_a_user_error_is_one_line_and_an_exit_code(add_broken_command, capsys, error, code, line) -> None:
    add_broken_command(error)
    assert main(["broken"]) == code
    assert capsys.readouterr().err.lstrip("\n") == line


def test_an_error_that_was_not_foreseen_is_one_line_with_its_place_and_a_way_to_see_the_traceback(
    add_broken_command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_broken_command(ZeroDivisionError("internal\nmore"))
    assert main(["broken"]) == 1
    line = capsys.readouterr().err
    assert line.startswith("error: ZeroDivisionError: internal, in test_command_line.py, line ")
    assert "set I2IKIT_DEBUG=1" in line
    assert line.count("\n") == 1
    monkeypatch.setenv("I2IKIT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError, match="internal"):
        main(["broken"])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB."),
            "memory of the CUDA device does not suffice: 20.00 GiB",
        ),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4398046511104 bytes."),
            "suffice: 4 TiB more",
        ),
        (
            MemoryError("Unable to allocate 3.64 TiB for an array with shape (1, 2)"),
            "The memory does not suffice: 3.64 TiB more",
        ),
        (MemoryError(), "error: The memory does not suffice.\n"),
        (OSError(12, "Cannot allocate memory"), "error: The memory does not suffice.\n"),
    ],
)
def test_memory_that_does_not_suffice_is_one_line(error, line, add_broken_command, capsys: pytest.CaptureFixture[str]) -> None:
    add_broken_command(error)
    assert main(["broken"]) == 2
    shown = capsys.readouterr().err
    assert line in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("translate", "Less is needed with --tile 256 or --size trained."),
        ("eval", "Less is needed with a smaller --batch or a smaller --limit."),
        ("page", ""),
    ],
)
def test_options_of_the_command_that_need_less_memory_are_named(command: str, hint: str) -> None:
    assert suggest_less_memory(cli.cli.get_command(click.Context(cli.cli), command)) == hint


def test_a_closed_pipe_prints_no_error(add_broken_command, capsys: pytest.CaptureFixture[str]) -> None:
    add_broken_command(BrokenPipeError(32, "Broken pipe"))
    with pytest.raises(SystemExit, match="1"):
        main(["broken"])
    assert capsys.readouterr().err == ""


def test_list_prints_a_line_for_each_component_and_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    registry = default_registry()
    assert {row[1] for row in rows} == {component.name for component in registry.components()} | set(registry.recipes())


def test_list_filters_by_role_and_pattern(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "wgan*", "--role", "loss"]) == 0
    assert [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()] == ["wgan_discriminator_loss", "wgan_generator_loss"]


def test_list_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    first = next(each for each in listed["components"] if each["name"] == "identity_encoder")
    assert (first["role"], first["plugin"]) == ("encoder", "i2ikit.builtin")
    assert "stargan" in listed["recipes"]


def test_describe_a_component_prints_its_role_and_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "stargan_discriminator"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("stargan_discriminator: discriminator\n")
    assert "from i2ikit_stargan (i2ikit " in shown


def test_describe_a_recipe_prints_slots_players_and_terms(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "stargan"]) == 0
    shown = capsys.readouterr().out
    for word in ("plan: labelled", "generator: stargan_generator", "translator: trains", "10 x cycle_loss"):
        assert word in shown


def test_describe_a_component_prints_each_option_with_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "munit_adain_decoder"]) == 0
    assert "  blocks: int = 4\n      Number of residual blocks.\n      Allowed: 1 or more.\n" in capsys.readouterr().out


def test_describe_a_component_prints_the_words_that_an_option_can_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "patch_discriminator"]) == 0
    assert '  norm: "instance", "batch" or "none" = "instance"\n' in capsys.readouterr().out


@pytest.mark.parametrize("name", default_registry().recipes())
def test_describe_a_recipe_prints_its_settings_with_values_and_allowed_values(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", name]) == 0
    shown = capsys.readouterr().out
    recipe = default_registry().recipe(name)
    assert f"  batch: int = {recipe.batch}\n      The batch size, over all processes.\n      Allowed: 1 or more.\n" in shown
    assert f"  jitter: float = {recipe.jitter}\n" in shown
    assert '  schedule.kind: "constant", "linear" or "step" = ' in shown
    for setting in ("players.NAME.lr", "players.NAME.optimizer", "slots.NAME.frozen", "terms.PLAYER/NAME.weight"):
        assert f"  {setting}: " in shown


def test_plans_of_the_library_are_listed_and_described_with_the_options_that_a_user_sets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--role", "plan"]) == 0
    assert {"labelled", "paired", "unpaired", "sampled", "images"} <= {row.split("\t")[1] for row in capsys.readouterr().out.splitlines()}
    assert main(["describe", "sampled"]) == 0
    shown = capsys.readouterr().out
    assert "  style: int = 512\n      Width of the noise.\n      Allowed: 1 or more.\n" in shown
    assert "streams" not in shown


def test_describe_a_recipe_file_prints_settings_of_slots_weights_that_change_and_stages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my.toml").write_text(
        'extends = "stargan-fast"\n[slots]\ngenerator = {weights = "stage:first", frozen = true}\n'
        'discriminator = {wrappers = ["diff_augment"]}\n[terms]\n"translator/cycle" = {weight = {kind = "linear", value = 3.0}}\n'
        '[stages.first]\nextends = "stargan"\nsteps = 1000\n'
    )
    assert main(["describe", str(tmp_path / "my.toml")]) == 0
    shown = capsys.readouterr().out
    for text in ("[frozen, weights: stage:first]", "[wrappers: diff_augment]", "3 (linear) x cycle_loss", "averaged weights: decay"):
        assert text in shown
    assert "stage first: recipe stargan, 1,000 steps, is trained before" in shown


def test_describe_suggests_similar_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "cycle_los"]) == 2
    assert 'No component or recipe is called "cycle_los". Did you mean "cycle_loss"' in capsys.readouterr().err


def test_doctor_names_torch_and_every_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    for word in ("torch ", "devices: cpu", "i2ikit.builtin (i2ikit ", "i2ikit_stargan (i2ikit ", "click "):
        assert word in shown

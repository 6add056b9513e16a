"""The options of a training: one class for Python, the command line, the pages and run.json."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from toy_training import train

from i2ikit.cli.train import train as command
from i2ikit.errors import I2IKitError, OptionError, UnknownNameError
from i2ikit.train import FitOptions, resume
from i2ikit.train.options import describe_option, list_options
from i2ikit.train.progress import Silent

PAGE = (Path(__file__).parents[2] / "docs/training.md").read_text()


def make_table() -> str:
    rows = [
        f"| `{each.name}` | {'`--' + each.name.replace('_', '-') + '`' if each.metadata['has_flag'] else ''} | {describe_option(each)} |"
        for each in list_options()
    ]
    return "\n".join(["| in Python | command line | meaning |", "|---|---|---|", *rows])


def test_the_page_has_the_table_of_the_options() -> None:
    assert make_table() in PAGE, f"Write this table into docs/training.md:\n{make_table()}"


def test_the_command_line_has_each_option_with_the_same_text() -> None:
    shown = {each.name: each for each in command.params if isinstance(each, click.Option)}
    for option in list_options():
        assert (option.name in shown) == option.metadata["has_flag"]
        if option.metadata["has_flag"]:
            assert shown[option.name].help == describe_option(option)
            assert shown[option.name].default is None


def test_the_class_describes_each_option() -> None:
    assert all(f"        {each.name}: {describe_option(each)}" in str(FitOptions.__doc__) for each in list_options())


def test_a_run_stores_the_options_that_version_0_1_stored_and_what_happens_to_bad_files() -> None:
    assert set(FitOptions().dump()) == {
        "precision", "accelerator", "devices", "accumulate", "workers", "log_every", "sample_every", "checkpoint_every", "evaluate_every",
        "keep", "best", "channels_last", "on_bad_file",
    }  # fmt: skip
    assert FitOptions.restore(FitOptions(accumulate=2).dump()) == FitOptions(accumulate=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stpes": 3}, 'No training option is called "stpes". Did you mean "steps"'),
        ({"steps": 0}, '"steps" of the training is 0; it must be a whole number of 1 or more.'),
        ({"minutes": 0}, '"minutes" of the training is 0; it must be a number above 0 and at most 525600.'),
        ({"batch": 2.5}, '"batch" of the training is 2.5; it must be a whole number of 1 or more.'),
        ({"precision": "bf16"}, 'No precision is called "bf16". Did you mean "bf16-mixed"'),
        ({"steps": 2, "minutes": 1}, "Both steps and minutes are given."),
        ({"best": "psnr"}, "best='psnr' requires validate=, a function that returns numbers of the model."),
        ({"evaluate_every": 3}, "evaluate_every=3 requires validate=, a function"),
    ],
)
def test_a_wrong_option_is_refused_and_nothing_is_written(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(I2IKitError) as caught:
        train(tmp_path / "run", **{"steps": None, **options})
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["minutes", "seed"])
def test_a_resumed_run_keeps_its_length_and_seed(tmp_path: Path, name: str) -> None:
    train(tmp_path / "run", 1)
    with pytest.raises(OptionError, match=f"resume does not accept {name}: the run defines it"):
        resume(tmp_path / "run", **{name: 1})


def test_an_unknown_option_of_a_resumed_run_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    train(tmp_path / "run", 1)
    with pytest.raises(UnknownNameError, match=r'No training option is called "worker"\. Did you mean "workers"'):
        resume(tmp_path / "run", worker=1)


def test_a_run_is_resumed_with_more_steps(tmp_path: Path) -> None:
    train(tmp_path / "run", 1)
    done = resume(tmp_path / "run", steps=2, allow=["recipe.steps"], progress=Silent())
    assert done.steps_done == done.recipe.steps == 2


def test_the_help_of_the_command_imports_no_torch() -> None:
    code = "import sys; from i2ikit.cli import main; main(['train', '--help']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "False"

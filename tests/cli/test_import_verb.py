"""``i2ikit import``: original weights become a model folder."""

from __future__ import annotations

import pytest
import torch

from i2ikit import build, load
from i2ikit.cli.import_ import declared
from i2ikit.errors import OptionError


def test_original_weights_become_a_model_folder(i2i, tmp_path) -> None:
    from i2ikit_stargan.official import export_official

    small = build("stargan", size=32, generator={"width": 4, "blocks": 1}, discriminator={"width": 4}, rehearsal=False)
    files = []
    for name, state in export_official(small).items():
        torch.save(state, tmp_path / f"{name}.ckpt")
        files += [f"--{name}", tmp_path / f"{name}.ckpt"]
    said = i2i("import", "stargan", tmp_path / "model", *files, "--labels", "hair=black,blond,brown male young")
    assert (said.code, said.err) == (0, "")
    assert said.out.endswith(f'weights    imported from an original "stargan"\n\nwritten to {tmp_path / "model"}\n')
    assert load(tmp_path / "model").domain.entries == ("hair=black", "hair=blond", "hair=brown", "male", "young")


@pytest.mark.parametrize(("given", "missing"), [("generator", "discriminator"), ("discriminator", "generator")])
def test_the_half_that_was_not_given_is_said_to_be_random_also_of_the_model_on_disk(i2i, tmp_path, given: str, missing: str) -> None:
    from i2ikit_stargan.official import export_official

    labels = {"male": bool, "young": bool}
    small = build("stargan", size=32, labels=labels, generator={"width": 4, "blocks": 1}, discriminator={"width": 4}, rehearsal=False)
    torch.save(export_official(small)[given], tmp_path / "half.ckpt")
    said = i2i("import", "stargan", tmp_path / "model", f"--{given}", tmp_path / "half.ckpt", "--labels", "male young", "--size", "32")
    line = f'imported from an original "stargan"; those of the {missing} are random, because no file of them was given'
    assert (said.code, said.err) == (0, "")
    assert line in said.out
    again = load(tmp_path / "model")
    assert again.preprocessing["untrained"] == [missing]
    assert line in again.explain()


def test_what_an_importer_needs_beside_files_can_be_typed(i2i, tmp_path) -> None:
    from i2ikit_pix2pix.official import export_official

    small = build("pix2pix", size=64, official=True, generator={"width": 4}, discriminator={"width": 4}, rehearsal=False)
    torch.save(export_official(small)["generator"], tmp_path / "latest_net_G.pth")
    for words, dropout in ((("--dropout", "0"), 0.0), ((), 0.5)):
        out = tmp_path / f"model{dropout}"
        said = i2i("import", "pix2pix", out, "--generator", tmp_path / "latest_net_G.pth", "--size", "64", *words)
        assert (said.code, said.err) == (0, "")
        assert load(out).recipe.slots["generator"].options["dropout"] == dropout
    said = i2i("import", "pix2pix", tmp_path / "other", "--generator", tmp_path / "latest_net_G.pth", "--style", "3")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "style" in said.err


def test_labels_are_read_as_sets_of_groups_and_yes_or_no_attributes() -> None:
    assert declared("hair=black,blond male + expression=happy,sad") == [
        {"hair": ("black", "blond"), "male": bool},
        {"expression": ("happy", "sad")},
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("male + ", '--labels "male + " has an empty label set. Write "hair=black,blond male + expression=happy,sad".'),
        ("male male", '--labels "male male": "male" is given twice. Write name=value,value or name.'),
        ("=a,b", '--labels "=a,b": "=a,b" has no name. Write name=value,value or name.'),
    ],
)
def test_labels_of_another_form_are_refused(text: str, line: str) -> None:
    with pytest.raises(OptionError) as caught:
        declared(text)
    assert str(caught.value) == line


def test_an_unknown_system_and_a_missing_file_are_one_line_and_leave_nothing(i2i, tmp_path) -> None:
    said = i2i("import", "starga", tmp_path / "model", "--generator", tmp_path / "G.ckpt")
    assert said.code == 2
    assert '"starga"' in said.err
    assert "stargan" in said.err
    said = i2i("import", "stargan", tmp_path / "model", "--generator", tmp_path / "G.ckpt")
    assert said.code == 2
    assert str(tmp_path / "G.ckpt") in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_import_of_no_file_says_which_options_name_them(i2i, tmp_path) -> None:
    said = i2i("import", "stargan", tmp_path / "model")
    assert said == (
        2,
        "",
        "error: There is no file to import. Give the weights: --generator FILE, --discriminator FILE, or --folder FOLDER.\n",
    )


def test_a_folder_that_is_used_is_left_alone(i2i, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    said = i2i("import", "stargan", tmp_path, "--generator", tmp_path / "G.ckpt")
    assert said == (2, "", f'error: "{tmp_path}" is not empty. Name a new folder for the model.\n')


def test_a_folder_of_checkpoints_becomes_a_model_with_named_domains(i2i, tmp_path) -> None:
    from i2ikit_cyclegan.official import export_official

    tiny = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 1}}
    small = build("cyclegan", domains=("A", "B"), size=16, **tiny, rehearsal=False)
    (tmp_path / "originals").mkdir()
    for name, state in export_official(small).items():
        part, letter = name.split("_")
        torch.save(state, tmp_path / "originals" / f"latest_net_{part[0].upper()}_{letter.upper()}.pth")
    said = i2i("import", "cyclegan", tmp_path / "model", "--folder", tmp_path / "originals", "--domains", "horse,zebra", "--size", "16")
    assert (said.code, said.err) == (0, "")
    assert load(tmp_path / "model").domain.names == ("horse", "zebra")


def test_a_part_that_a_system_does_not_have_is_named(i2i, tmp_path) -> None:
    torch.save({"main.0.weight": torch.zeros(1)}, tmp_path / "x.pth")
    said = i2i("import", "stargan", tmp_path / "model", "--generator-b", tmp_path / "x.pth")
    assert said.code != 0
    assert 'No part of an official "stargan" is called "generator_b".' in said.err

"""``i2ikit import``: convert original weights to a model folder."""

from __future__ import annotations

import pytest
import torch

from i2ikit import build, load
from i2ikit.cli.import_ import parse_labels
from i2ikit.errors import OptionError


def test_original_weights_are_converted_to_a_model_folder(run_cli, tmp_path) -> None:
    from i2ikit_stargan.official import export_official

    small = build("stargan", size=32, generator={"width": 4, "blocks": 1}, discriminator={"width": 4}, rehearsal=False)
    files = []
    for name, state in export_official(small).items():
        torch.save(state, tmp_path / f"{name}.ckpt")
        files += [f"--{name}", tmp_path / f"{name}.ckpt"]
    result = run_cli("import", "stargan", tmp_path / "model", *files, "--labels", "hair=black,blond,brown male young")
    assert (result.code, result.err) == (0, "")
    assert 'imported from an original "stargan"' in result.out
    assert result.out.endswith(f"written to {tmp_path / 'model'}\n")
    assert load(tmp_path / "model").domain.entries == ("hair=black", "hair=blond", "hair=brown", "male", "young")


@pytest.mark.parametrize(("given", "missing"), [("generator", "discriminator"), ("discriminator", "generator")])
def test_a_network_without_a_file_is_reported_as_random_and_in_the_saved_model(run_cli, tmp_path, given: str, missing: str) -> None:
    from i2ikit_stargan.official import export_official

    labels = {"male": bool, "young": bool}
    small = build("stargan", size=32, labels=labels, generator={"width": 4, "blocks": 1}, discriminator={"width": 4}, rehearsal=False)
    torch.save(export_official(small)[given], tmp_path / "half.ckpt")
    result = run_cli(
        "import", "stargan", tmp_path / "model", f"--{given}", tmp_path / "half.ckpt", "--labels", "male young", "--size", "32"
    )
    assert (result.code, result.err) == (0, "")
    lines = [line for line in result.out.splitlines() if f"{missing} are random" in line]
    assert lines
    again = load(tmp_path / "model")
    assert again.preprocessing["untrained"] == [missing]
    assert lines[0] in again.explain()


def test_options_of_an_importer_can_be_given(run_cli, tmp_path) -> None:
    from i2ikit_pix2pix.official import export_official

    small = build("pix2pix", size=64, official=True, generator={"width": 4}, discriminator={"width": 4}, rehearsal=False)
    torch.save(export_official(small)["generator"], tmp_path / "latest_net_G.pth")
    for words, dropout in ((("--dropout", "0"), 0.0), ((), 0.5)):
        out = tmp_path / f"model{dropout}"
        result = run_cli("import", "pix2pix", out, "--generator", tmp_path / "latest_net_G.pth", "--size", "64", *words)
        assert (result.code, result.err) == (0, "")
        assert load(out).recipe.slots["generator"].options["dropout"] == dropout
    result = run_cli("import", "pix2pix", tmp_path / "other", "--generator", tmp_path / "latest_net_G.pth", "--style", "3")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "style" in result.err


def test_labels_are_parsed_into_label_sets() -> None:
    assert parse_labels("hair=black,blond male + expression=happy,sad") == [
        {"hair": ("black", "blond"), "male": bool},
        {"expression": ("happy", "sad")},
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("male + ", ('--labels "male + "', "empty label set", "hair=black,blond male + expression=happy,sad")),
        ("male male", ('--labels "male male"', '"male" is given twice', "name=value,value")),
        ("=a,b", ('--labels "=a,b"', '"=a,b" has no name', "name=value,value")),
    ],
)
def test_malformed_labels_are_refused(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(OptionError) as caught:
        parse_labels(text)
    assert [word for word in words if word not in str(caught.value)] == []


def test_an_unknown_system_and_a_missing_file_are_named_in_one_line(run_cli, tmp_path) -> None:
    result = run_cli("import", "starga", tmp_path / "model", "--generator", tmp_path / "G.ckpt")
    assert result.code == 2
    assert '"starga"' in result.err
    assert "stargan" in result.err
    result = run_cli("import", "stargan", tmp_path / "model", "--generator", tmp_path / "G.ckpt")
    assert result.code == 2
    assert str(tmp_path / "G.ckpt") in result.err
    assert result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_import_without_files_names_the_options(run_cli, tmp_path) -> None:
    result = run_cli("import", "stargan", tmp_path / "model")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    for option in ("--generator FILE", "--discriminator FILE", "--folder FOLDER"):
        assert option in result.err


def test_a_folder_that_is_not_empty_is_refused(run_cli, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = run_cli("import", "stargan", tmp_path, "--generator", tmp_path / "G.ckpt")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f'error: "{tmp_path}" is not empty.')


def test_a_folder_of_checkpoints_is_converted_with_named_domains(run_cli, tmp_path) -> None:
    from i2ikit_cyclegan.official import export_official

    tiny = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 1}}
    small = build("cyclegan", domains=("A", "B"), size=16, **tiny, rehearsal=False)
    (tmp_path / "originals").mkdir()
    for name, state in export_official(small).items():
        part, letter = name.split("_")
        torch.save(state, tmp_path / "originals" / f"latest_net_{part[0].upper()}_{letter.upper()}.pth")
    result = run_cli(
        "import", "cyclegan", tmp_path / "model", "--folder", tmp_path / "originals", "--domains", "horse,zebra", "--size", "16"
    )
    assert (result.code, result.err) == (0, "")
    assert load(tmp_path / "model").domain.names == ("horse", "zebra")


def test_a_network_that_the_system_does_not_have_is_named(run_cli, tmp_path) -> None:
    torch.save({"main.0.weight": torch.zeros(1)}, tmp_path / "x.pth")
    result = run_cli("import", "stargan", tmp_path / "model", "--generator-b", tmp_path / "x.pth")
    assert result.code != 0
    assert 'No argument of the importer "stargan" is called "generator_b".' in result.err

"""The drawings of the built-in faces."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from i2ikit.data.faces import (
    EXPRESSIONS,
    FACES,
    PARTS,
    VIEWS,
    FacesDataset,
    draw_faces,
    draw_segments,
    find_nearest_values,
    make_erase_mask,
    sample_identities,
    sample_rows,
)
from i2ikit.data.faces import scene as scene_module
from i2ikit.errors import OptionError, UnknownNameError

SIZE = 64


def draw_picture(indices: range | list[int], size: int = SIZE, view: str = "image", **values: str) -> Tensor:
    """Draw faces of seed 0 with their own attribute values, except for ``values``."""
    rows = [{**row, **values} for row in sample_rows(0, indices)]
    return draw_faces(sample_identities(0, indices), rows, size, size, view)


def draw_with_value(attribute: str, value: str) -> Tensor:
    return draw_faces(sample_identities(0, range(24)), [{**row, attribute: value} for row in sample_rows(0, range(24))], SIZE, SIZE)


def list_parts(parts: Tensor) -> set[int]:
    return set(parts.flatten().tolist())


def test_a_face_has_the_same_bits_in_any_batch() -> None:
    together = draw_picture(range(5, 45))
    for index in (5, 17, 44):
        assert torch.equal(draw_picture([index])[0], together[index - 5])
    mixed = [44, 3, 17]
    assert torch.equal(draw_picture(mixed)[2], together[12])


@pytest.mark.parametrize(("height", "width"), [(37, 53), (100, 75)])
def test_odd_sizes_have_the_same_bits_in_any_batch(height: int, width: int) -> None:
    identities, rows = sample_identities(3, range(7)), sample_rows(3, range(7))
    together = draw_faces(identities, rows, height, width)
    assert torch.equal(draw_faces(identities.select([4]), rows[4:5], height, width)[0], together[4])


def test_another_seed_gives_other_identities_and_rows() -> None:
    assert not torch.equal(sample_identities(0, range(8)).skin, sample_identities(1, range(8)).skin)
    assert sample_rows(0, range(32)) != sample_rows(1, range(32))
    assert sample_rows(0, [7]) == sample_rows(0, range(32))[7:8]


@pytest.mark.parametrize(("height", "width"), [(64, 64), (100, 75), (37, 53), (256, 256), (75, 100), (1, 1), (5, 90)])
def test_images_of_any_size_are_in_range_with_256_levels(height: int, width: int) -> None:
    image = draw_faces(sample_identities(0, [1, 2]), sample_rows(0, [1, 2]), height, width)
    assert image.shape == (2, 3, height, width)
    assert image.dtype == torch.float32
    assert float(image.min()) >= -1
    assert float(image.max()) <= 1
    levels = (image + 1) * 127.5
    assert float((levels - levels.round()).abs().max()) < 1e-3


def test_drawings_are_antialiased() -> None:
    small = draw_picture(range(8))
    averaged = functional.avg_pool2d(draw_picture(range(8), 2 * SIZE), 2)
    assert float((small - averaged).abs().mean()) < 0.012
    subsampled = draw_picture(range(8), 2 * SIZE)[:, :, ::2, ::2]
    assert float((subsampled - averaged).square().mean()) > 2 * float((small - averaged).square().mean())


def test_windows_contain_the_whole_features(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"hair": "red", "glasses": "yes", "hat": hat, "expression": each} for each in EXPRESSIONS for hat in ("yes", "no")]
    identities = sample_identities(5, range(len(rows) * 8))
    rows = rows * 8
    windowed = draw_faces(identities, rows, 48, 48)
    get_head_patch = scene_module.Scene.get_head_patch
    monkeypatch.setattr(scene_module.Scene, "get_head_patch", lambda self, *_, **__: get_head_patch(self))
    monkeypatch.setattr(scene_module.Scene, "get_canvas_patch", _whole_canvas(scene_module.Scene.get_canvas_patch))
    assert torch.equal(windowed, draw_faces(identities, rows, 48, 48))


def _whole_canvas(get_canvas_patch: Any) -> Any:
    return lambda self, **_: get_canvas_patch(self)


@pytest.mark.parametrize("attribute", [each.name for each in FACES.attributes])
def test_every_attribute_changes_the_image_visibly(attribute: str) -> None:
    choices = FACES.attribute(attribute).choices
    pictures = [draw_with_value(attribute, value) for value in choices]
    least = {"hair": 0.02, "glasses": 0.02, "hat": 0.1, "expression": 0.012}[attribute]
    for first, second in itertools.combinations(pictures, 2):
        changed = ((first - second).abs().amax(dim=1) > 0.2).float().mean(dim=(1, 2))
        assert float(changed.min()) > least


def test_hair_colour_changes_hair_brows_and_their_edges_only() -> None:
    rows = [{**row, "hair": "black", "hat": "no", "glasses": "no"} for row in sample_rows(0, range(24))]
    identities = sample_identities(0, range(24))
    parts = draw_segments(identities, rows, SIZE, SIZE)
    blond = [{**row, "hair": "blond"} for row in rows]
    difference = (draw_faces(identities, rows, SIZE, SIZE) - draw_faces(identities, blond, SIZE, SIZE)).abs().amax(dim=1)
    reach = torch.isin(parts, torch.tensor([PARTS.index("hair"), PARTS.index("brows")])).float().unsqueeze(1)
    near = functional.max_pool2d(reach, 5, stride=1, padding=2)[:, 0] > 0
    assert not bool(((difference > 0.15) & ~near).any())  # hair thinner than half a pixel is not in the segment
    mouth = torch.isin(parts, torch.tensor([PARTS.index("mouth"), PARTS.index("lips")]))
    assert not bool(((difference > 0) & mouth).any())


def test_glasses_and_a_hat_change_nothing_below_the_nose() -> None:
    for attribute in ("glasses", "hat"):
        changed = (draw_with_value(attribute, "yes") - draw_with_value(attribute, "no")).abs().amax(dim=1) > 0
        assert not bool(changed[:, int(0.72 * SIZE) :].any())


def test_expressions_leave_background_clothes_and_hair_alone() -> None:
    neutral = draw_picture(range(24), expression="neutral", hat="no", glasses="no")
    rows = [{**row, "expression": "neutral", "hat": "no", "glasses": "no"} for row in sample_rows(0, range(24))]
    parts = draw_segments(sample_identities(0, range(24)), rows, SIZE, SIZE)
    outside = torch.isin(parts, torch.tensor([PARTS.index(name) for name in ("background", "clothes", "neck", "ears")]))
    outside = -functional.max_pool2d(-outside.float().unsqueeze(1), 3, stride=1, padding=1)[:, 0] > 0  # without the blended edges
    for expression in EXPRESSIONS[1:]:
        changed = (draw_picture(range(24), expression=expression, hat="no", glasses="no") - neutral).abs().amax(dim=1) > 0.1
        assert not bool((changed & outside).any())


def test_any_two_expressions_differ_visibly_at_64_pixels() -> None:
    pictures = {name: draw_picture(range(24), expression=name, glasses="no", hat="no") for name in EXPRESSIONS}
    for first, second in itertools.combinations(EXPRESSIONS, 2):
        rms = (pictures[first] - pictures[second]).square().mean(dim=(1, 2, 3)).sqrt()
        assert float(rms.min()) > 0.05, (first, second, float(rms.min()))


def test_nearest_values_of_drawings_are_their_rows() -> None:
    indices = range(100, 140)
    identities, rows = sample_identities(0, indices), sample_rows(0, indices)
    assert find_nearest_values(draw_faces(identities, rows, SIZE, SIZE), identities, rows) == rows


def test_nearest_values_of_an_untranslated_image_are_its_own() -> None:
    indices = range(16)
    identities, rows = sample_identities(0, indices), [{**row, "hair": "black", "expression": "sad"} for row in sample_rows(0, indices)]
    expected = [{**row, "hair": "blond"} for row in rows]
    found = find_nearest_values(draw_faces(identities, rows, SIZE, SIZE), identities, expected, names=["hair", "expression"])
    assert found == [{"hair": "black", "expression": "sad"}] * 16


def test_all_combinations_occur_and_are_independent_of_the_identity() -> None:
    rows = sample_rows(0, range(4000))
    combinations = {(row["hair"], row["glasses"], row["hat"], row["expression"]) for row in rows}
    assert len(combinations) == 4 * 2 * 2 * 8
    style = sample_identities(0, range(4000)).style
    for value in FACES.attribute("hair").choices:
        counts = torch.bincount(style[[row["hair"] == value for row in rows]], minlength=7).float()
        assert float((counts / counts.sum() - 1 / 7).abs().max()) < 0.05


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_its_shape_and_range(view: str) -> None:
    image = draw_faces(sample_identities(0, range(3)), sample_rows(0, range(3)), 50, 66, view)
    expected = {"sketch": (3, 1, 50, 66), "low": (3, 3, 13, 17)}.get(view, (3, 3, 50, 66))
    assert image.shape == expected
    assert float(image.abs().max()) <= 1


def test_the_views_show_the_same_face() -> None:
    image = draw_picture(range(6))
    assert torch.equal(draw_picture(range(6), view="frontal"), image)
    assert float((draw_picture(range(6), view="low") - functional.avg_pool2d(image, 4)).abs().max()) < 0.01
    hole = make_erase_mask(sample_identities(0, range(6)), SIZE, SIZE)
    masked = draw_picture(range(6), view="masked")
    assert torch.equal(masked, image * (1 - hole))
    assert bool(((hole == 0) | (hole == 1)).all())
    assert float(hole.mean(dim=(1, 2, 3)).min()) > 0.04
    profile = draw_picture(range(6), view="profile")
    assert float((profile - image).abs().mean()) > 0.05
    assert torch.equal(profile[:, :, 2:6, 2:6], image[:, :, 2:6, 2:6])


def test_segments_contain_every_part_and_depend_on_the_row() -> None:
    identities = sample_identities(0, range(12))
    rows = [{"hair": "brown", "glasses": "yes", "hat": "yes", "expression": "happy"}] * 12
    parts = draw_segments(identities, rows, 96, 96)
    assert parts.dtype == torch.int64
    assert list_parts(parts) == set(range(len(PARTS)))
    without_accessories = draw_segments(identities, [{**row, "glasses": "no", "hat": "no"} for row in rows], 96, 96)
    assert not list_parts(without_accessories) & {PARTS.index("glasses"), PARTS.index("hat")}


def test_a_sketch_does_not_show_the_hair_colour() -> None:
    assert torch.equal(draw_picture(range(4), view="sketch", hair="black"), draw_picture(range(4), view="sketch", hair="blond"))


def test_bad_arguments_are_named() -> None:
    identities, rows = sample_identities(0, [0]), sample_rows(0, [0])
    with pytest.raises(UnknownNameError, match=r'view of a face is called "sketsh"\. Did you mean "sketch"'):
        draw_faces(identities, rows, 8, 8, "sketsh")
    with pytest.raises(UnknownNameError, match='value of "hair" is called "green"'):
        draw_faces(identities, [{**rows[0], "hair": "green"}], 8, 8)
    with pytest.raises(OptionError, match='value of "glasses"'):
        draw_faces(identities, [{"hair": "red"}], 8, 8)
    with pytest.raises(OptionError, match="found 1 rows for 2 faces"):
        draw_faces(sample_identities(0, [0, 1]), rows, 8, 8)
    with pytest.raises(OptionError, match="found 0 and 8"):
        draw_faces(identities, rows, 0, 8)
    with pytest.raises(OptionError, match="count=0"):
        FacesDataset(0)
    with pytest.raises(OptionError, match=r"test=1\.0"):
        FacesDataset(10, test=1.0)

"""The drawn faces: what later systems train and are scored on."""

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
    draw,
    erased,
    identities,
    nearest_values,
    rows,
    segment_map,
)
from i2ikit.data.faces import scene as scene_module
from i2ikit.errors import OptionError, UnknownNameError

SIZE = 64


def picture(indices: range | list[int], size: int = SIZE, view: str = "image", **values: str) -> Tensor:
    """Draw faces of seed 0 with their own rows, but for the values given."""
    said = [{**row, **values} for row in rows(0, indices)]
    return draw(identities(0, indices), said, size, size, view)


def with_value(attribute: str, value: str) -> Tensor:
    return draw(identities(0, range(24)), [{**row, attribute: value} for row in rows(0, range(24))], SIZE, SIZE)


def shown(parts: Tensor) -> set[int]:
    return set(parts.flatten().tolist())


def test_the_same_face_has_the_same_bits_in_any_batch() -> None:
    together = picture(range(5, 45))
    for index in (5, 17, 44):
        assert torch.equal(picture([index])[0], together[index - 5])
    mixed = [44, 3, 17]
    assert torch.equal(picture(mixed)[2], together[12])


@pytest.mark.parametrize(("height", "width"), [(37, 53), (100, 75)])
def test_odd_sizes_have_the_same_bits_in_any_batch(height: int, width: int) -> None:
    who, said = identities(3, range(7)), rows(3, range(7))
    together = draw(who, said, height, width)
    assert torch.equal(draw(who.select([4]), said[4:5], height, width)[0], together[4])


def test_another_seed_gives_other_people_and_other_rows() -> None:
    assert not torch.equal(identities(0, range(8)).skin, identities(1, range(8)).skin)
    assert rows(0, range(32)) != rows(1, range(32))
    assert rows(0, [7]) == rows(0, range(32))[7:8]


@pytest.mark.parametrize(("height", "width"), [(64, 64), (100, 75), (37, 53), (256, 256), (75, 100), (1, 1), (5, 90)])
def test_any_size_is_drawn_in_range_with_eight_bit_levels(height: int, width: int) -> None:
    image = draw(identities(0, [1, 2]), rows(0, [1, 2]), height, width)
    assert image.shape == (2, 3, height, width)
    assert image.dtype == torch.float32
    assert float(image.min()) >= -1
    assert float(image.max()) <= 1
    levels = (image + 1) * 127.5
    assert float((levels - levels.round()).abs().max()) < 1e-3


def test_drawing_at_twice_the_size_and_averaging_is_close_to_drawing_once() -> None:
    small = picture(range(8))
    averaged = functional.avg_pool2d(picture(range(8), 2 * SIZE), 2)
    assert float((small - averaged).abs().mean()) < 0.012
    jagged = picture(range(8), 2 * SIZE)[:, :, ::2, ::2]
    assert float((jagged - averaged).square().mean()) > 2 * float((small - averaged).square().mean())


def test_windows_of_the_features_cut_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [{"hair": "red", "glasses": "yes", "hat": hat, "expression": each} for each in EXPRESSIONS for hat in ("yes", "no")]
    who = identities(5, range(len(said) * 8))
    said = said * 8
    windowed = draw(who, said, 48, 48)
    whole = scene_module.Scene.head
    monkeypatch.setattr(scene_module.Scene, "head", lambda self, *_, **__: whole(self))
    monkeypatch.setattr(scene_module.Scene, "flat", _whole_canvas(scene_module.Scene.flat))
    assert torch.equal(windowed, draw(who, said, 48, 48))


def _whole_canvas(flat: Any) -> Any:
    return lambda self, **_: flat(self)


@pytest.mark.parametrize("attribute", [each.name for each in FACES.attributes])
def test_every_attribute_changes_the_picture_visibly(attribute: str) -> None:
    choices = FACES.attribute(attribute).choices
    drawn = [with_value(attribute, value) for value in choices]
    least = {"hair": 0.02, "glasses": 0.02, "hat": 0.1, "expression": 0.012}[attribute]
    for first, second in itertools.combinations(drawn, 2):
        changed = ((first - second).abs().amax(dim=1) > 0.2).float().mean(dim=(1, 2))
        assert float(changed.min()) > least


def test_hair_colour_changes_hair_brows_and_their_edges_only() -> None:
    said = [{**row, "hair": "black", "hat": "no", "glasses": "no"} for row in rows(0, range(24))]
    who = identities(0, range(24))
    parts = segment_map(who, said, SIZE, SIZE)
    blond = [{**row, "hair": "blond"} for row in said]
    difference = (draw(who, said, SIZE, SIZE) - draw(who, blond, SIZE, SIZE)).abs().amax(dim=1)
    reach = torch.isin(parts, torch.tensor([PARTS.index("hair"), PARTS.index("brows")])).float().unsqueeze(1)
    near = functional.max_pool2d(reach, 5, stride=1, padding=2)[:, 0] > 0
    assert not bool(((difference > 0.15) & ~near).any())  # wisps thinner than half a pixel are no segment
    mouth = torch.isin(parts, torch.tensor([PARTS.index("mouth"), PARTS.index("lips")]))
    assert not bool(((difference > 0) & mouth).any())


def test_glasses_and_a_hat_change_nothing_below_the_nose() -> None:
    for attribute in ("glasses", "hat"):
        changed = (with_value(attribute, "yes") - with_value(attribute, "no")).abs().amax(dim=1) > 0
        assert not bool(changed[:, int(0.72 * SIZE) :].any())


def test_expressions_leave_background_clothes_and_hair_alone() -> None:
    neutral = picture(range(24), expression="neutral", hat="no", glasses="no")
    said = [{**row, "expression": "neutral", "hat": "no", "glasses": "no"} for row in rows(0, range(24))]
    parts = segment_map(identities(0, range(24)), said, SIZE, SIZE)
    outside = torch.isin(parts, torch.tensor([PARTS.index(name) for name in ("background", "clothes", "neck", "ears")]))
    outside = -functional.max_pool2d(-outside.float().unsqueeze(1), 3, stride=1, padding=1)[:, 0] > 0  # off the blended edges
    for expression in EXPRESSIONS[1:]:
        changed = (picture(range(24), expression=expression, hat="no", glasses="no") - neutral).abs().amax(dim=1) > 0.1
        assert not bool((changed & outside).any())


def test_every_pair_of_expressions_differs_at_64_pixels_by_more_than_a_stated_minimum() -> None:
    drawn = {name: picture(range(24), expression=name, glasses="no", hat="no") for name in EXPRESSIONS}
    for first, second in itertools.combinations(EXPRESSIONS, 2):
        rms = (drawn[first] - drawn[second]).square().mean(dim=(1, 2, 3)).sqrt()
        assert float(rms.min()) > 0.05, (first, second, float(rms.min()))


def test_nearest_values_recovers_the_rows_of_true_drawings() -> None:
    indices = range(100, 140)
    who, said = identities(0, indices), rows(0, indices)
    assert nearest_values(draw(who, said, SIZE, SIZE), who, said) == said


def test_nearest_values_tells_what_was_not_translated() -> None:
    indices = range(16)
    who, said = identities(0, indices), [{**row, "hair": "black", "expression": "sad"} for row in rows(0, indices)]
    asked = [{**row, "hair": "blond"} for row in said]
    found = nearest_values(draw(who, said, SIZE, SIZE), who, asked, names=["hair", "expression"])
    assert found == [{"hair": "black", "expression": "sad"}] * 16


def test_all_combinations_occur_and_are_independent_of_the_identity() -> None:
    said = rows(0, range(4000))
    seen = {(row["hair"], row["glasses"], row["hat"], row["expression"]) for row in said}
    assert len(seen) == 4 * 2 * 2 * 8
    style = identities(0, range(4000)).style
    for value in FACES.attribute("hair").choices:
        counts = torch.bincount(style[[row["hair"] == value for row in said]], minlength=7).float()
        assert float((counts / counts.sum() - 1 / 7).abs().max()) < 0.05


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_its_shape_and_range(view: str) -> None:
    image = draw(identities(0, range(3)), rows(0, range(3)), 50, 66, view)
    expected = {"sketch": (3, 1, 50, 66), "low": (3, 3, 13, 17)}.get(view, (3, 3, 50, 66))
    assert image.shape == expected
    assert float(image.abs().max()) <= 1


def test_the_views_show_the_same_face() -> None:
    image = picture(range(6))
    assert torch.equal(picture(range(6), view="frontal"), image)
    assert float((picture(range(6), view="low") - functional.avg_pool2d(image, 4)).abs().max()) < 0.01
    hole = erased(identities(0, range(6)), SIZE, SIZE)
    masked = picture(range(6), view="masked")
    assert torch.equal(masked, image * (1 - hole))
    assert bool(((hole == 0) | (hole == 1)).all())
    assert float(hole.mean(dim=(1, 2, 3)).min()) > 0.04
    profile = picture(range(6), view="profile")
    assert float((profile - image).abs().mean()) > 0.05
    assert torch.equal(profile[:, :, 2:6, 2:6], image[:, :, 2:6, 2:6])


def test_segments_number_every_part_and_follow_the_row() -> None:
    who = identities(0, range(12))
    said = [{"hair": "brown", "glasses": "yes", "hat": "yes", "expression": "happy"}] * 12
    parts = segment_map(who, said, 96, 96)
    assert parts.dtype == torch.int64
    assert shown(parts) == set(range(len(PARTS)))
    bare = segment_map(who, [{**row, "glasses": "no", "hat": "no"} for row in said], 96, 96)
    assert not shown(bare) & {PARTS.index("glasses"), PARTS.index("hat")}


def test_a_sketch_does_not_tell_the_hair_colour() -> None:
    assert torch.equal(picture(range(4), view="sketch", hair="black"), picture(range(4), view="sketch", hair="blond"))


def test_bad_requests_say_what_there_is() -> None:
    who, said = identities(0, [0]), rows(0, [0])
    with pytest.raises(UnknownNameError, match=r'view of a face is called "sketsh"\. Did you mean "sketch"'):
        draw(who, said, 8, 8, "sketsh")
    with pytest.raises(UnknownNameError, match='value of "hair" is called "green"'):
        draw(who, [{**said[0], "hair": "green"}], 8, 8)
    with pytest.raises(OptionError, match='needs a value for "glasses"'):
        draw(who, [{"hair": "red"}], 8, 8)
    with pytest.raises(OptionError, match="found 1 rows for 2 faces"):
        draw(identities(0, [0, 1]), said, 8, 8)
    with pytest.raises(OptionError, match="asked for 0 by 8"):
        draw(who, said, 0, 8)
    with pytest.raises(OptionError, match="asked for 0 faces"):
        FacesDataset(0)
    with pytest.raises(OptionError, match="shares"):
        FacesDataset(10, test=1.0)

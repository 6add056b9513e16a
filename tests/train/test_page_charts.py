"""The charts of the report page: nothing is cut off, and outliers do not flatten the rest."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from written_runs import write_log, write_run

from i2ikit.train.page.axes import choose_axis, choose_ticks
from i2ikit.train.page.charts import draw_chart, format_number
from i2ikit.train.page.run_summary import Curve, make_curve, read_run_summary

SPIKES = [300.0, *[0.3 + 0.01 * (index % 7) for index in range(98)], -40.0]


def get_heights(chart: str, css_class: str) -> list[float]:
    path = re.search(rf'<path class="{css_class}" d="M([^"]*)"', chart)
    assert path is not None
    return [float(point.split(" ")[1]) for point in path[1].removesuffix("Z").split("L")]


@pytest.mark.parametrize("values", [[0.0], [1.0, 1.0], [-3.0, 1e-9], [1e9, 1e10], [0.0] * 99 + [1e-12], SPIKES])
def test_any_curve_can_be_drawn(values: list[float]) -> None:
    chart = draw_chart(make_curve(list(enumerate(values))), 0.5)
    assert chart.startswith("<svg")
    assert "nan" not in chart


def test_no_value_is_outside_the_axis_or_at_its_edge() -> None:
    curve = make_curve(list(enumerate(SPIKES * 10)))
    chart = draw_chart(curve)
    heights = get_heights(chart, "band") + get_heights(chart, "line")
    assert 10 < min(heights) < max(heights) < 190 - 24
    assert heights.count(min(heights)) < 40  # different spikes would meet at the edge of a cut axis


def test_a_few_outliers_make_the_axis_logarithmic_and_leave_the_rest_visible() -> None:
    axis = choose_axis(SPIKES, SPIKES, SPIKES)
    assert axis.linear is not None
    assert axis.get_share(0.36) - axis.get_share(0.3) > 0.01
    assert "log axis" in draw_chart(make_curve(list(enumerate(SPIKES))))
    ticks = axis.choose_ticks(4)
    assert 3 <= len(ticks) <= 8
    assert ticks[0] < 0 < ticks[-1]


def test_a_curve_without_outliers_has_a_linear_axis() -> None:
    values = [3.0 / (1 + 0.1 * index) for index in range(100)]
    assert choose_axis(values, values, values).linear is None
    assert "log axis" not in draw_chart(make_curve(list(enumerate(values))))


def test_the_equilibrium_is_on_the_axis() -> None:
    axis = choose_axis([0.1], [0.2], [0.3], 5.0)
    assert 0 <= axis.get_share(5.0) <= 1


def test_ticks_are_round_numbers() -> None:
    assert choose_ticks(0.0, 1.0, 4) == [0.0, 0.5, 1.0]
    assert choose_ticks(0, 10_000, 5) == [0, 2000, 4000, 6000, 8000, 10_000]


def test_a_name_is_escaped_wherever_it_stands() -> None:
    curve = Curve((1.0,), (1.0,), (1.0,), (1.0,))
    chart = draw_chart(curve, name='a" onload="x', css_class='b" onload="x')
    assert 'onload="x' not in chart


@pytest.mark.parametrize(
    ("value", "text"), [(0.000133, "1.3e-4"), (-0.0004, "-4e-4"), (0.03125, "0.0312"), (12_345, "12.3k"), (3e12, "3e12"), (0.0, "0")]
)
def test_a_number_has_few_digits(value: float, text: str) -> None:
    assert format_number(value) == text


def test_a_spike_of_a_single_record_is_in_the_curve_of_a_long_log(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    write_log(run, 12_000)
    lines = (run / "log.jsonl").read_text().splitlines()
    for index in (7, 6_000, 9_999):
        lines[index] = json.dumps({**json.loads(lines[index]), "translator/cycle": 500.0 + index})
    (run / "log.jsonl").write_text("\n".join(lines))
    highs = read_run_summary(run).curves["translator/cycle"].high
    assert {507.0, 6_500.0, 10_499.0} <= set(highs)

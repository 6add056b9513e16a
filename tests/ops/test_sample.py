"""The sample of cases that Triton's interpreter runs."""

from __future__ import annotations

from itertools import product

from ops.interpreted import sample_cases


def test_every_value_of_every_parameter_occurs_in_changing_pairs() -> None:
    cases = [{"shape": shape, "flip": flip, "format": memory} for shape, flip, memory in product(range(8), (False, True), "ab")]
    chosen = [cases[index] for index in sample_cases(cases)]
    assert [case["shape"] for case in chosen] == list(range(8))
    for name, values in (("flip", (False, True)), ("format", "ab")):
        assert all(sum(case[name] == value for case in chosen) == 4 for value in values)
    assert {(case["flip"], case["format"]) for case in chosen} == set(product((False, True), "ab"))


def test_a_parameter_that_some_cases_lack_is_no_obstacle() -> None:
    assert sample_cases([{"up": 1}, {"up": 1, "down": 2}, {}]) == [1]
    assert sample_cases([{}]) == [0]

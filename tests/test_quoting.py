"""Lists and NAME=VALUE whose names and values may be in double quotes."""

from __future__ import annotations

import pytest

from i2ikit.cli.import_ import parse_labels
from i2ikit.cli.options import parse_target, parse_values
from i2ikit.errors import OptionError
from i2ikit.quoting import join_list, join_pair, split_list, split_pair

WORDS = ["blond", "a,b", "x=1", 'a "b"', '"', " ", "1+1", "light, very", '="', "", "é=ü,"]


def test_a_comma_in_quotes_is_part_of_a_name() -> None:
    assert split_list('tone, "hair, colour" ,gender') == ["tone", "hair, colour", "gender"]


def test_an_equals_sign_in_quotes_is_part_of_a_name_or_a_value() -> None:
    assert split_pair('"hair=color"="a=b"') == ("hair=color", "a=b")
    assert split_pair("tone=a=b") == ("tone", "a=b")
    assert split_pair('"a=b"') == ("a=b", None)


def test_a_quote_within_a_word_is_a_character() -> None:
    assert split_list('5",6"') == ['5"', '6"']


@pytest.mark.parametrize("word", [word for word in WORDS if word])
@pytest.mark.parametrize("other", [word for word in WORDS if word])
def test_what_is_written_is_read_again(word: str, other: str) -> None:
    assert split_list(join_list([word, other])) == [word, other]
    assert split_pair(join_pair(word, other)) == (word, other)
    assert parse_values([f"{join_pair(word, other)},tone=dark"], "--to") == {word: other, "tone": "dark"}


def test_a_target_may_have_commas_and_equals_signs_in_quotes() -> None:
    assert parse_target(['"hair color"="a,b"']) == {"hair color": "a,b"}
    assert parse_target(["hair color=light blond"]) == {"hair color": "light blond"}
    assert parse_target(['"a=b"']) == "a=b"
    assert parse_target(["cats, dogs"]) == "cats, dogs"


def test_a_value_with_a_comma_without_quotes_is_refused_with_the_remedy() -> None:
    with pytest.raises(OptionError, match=r'^--to "b" is not of the form NAME=VALUE\..*in double quotes: --to \'hair="a,b"\'\.$'):
        parse_target(["hair=a,b"])


def test_labels_of_imported_weights_may_be_in_quotes() -> None:
    assert parse_labels('"hair color"="a,b",blond male + mood=up,down') == [
        {"hair color": ("a,b", "blond"), "male": bool},
        {"mood": ("up", "down")},
    ]

"""Patterns on hostile text: an answer, or none in time."""

from __future__ import annotations

from pathlib import Path

from sandcrew.sandbox.intake.patterns import MAX_TEXT, Search, find


def test_each_search_has_its_answer() -> None:
    searches = [Search("b", whole=False), Search("b", whole=True), Search("a.c", whole=True)]
    assert find(searches, "abc") == (True, False, True)
    assert find([], "abc") == ()


def test_a_part_counts_in_any_form_of_the_letters_the_whole_only_as_it_is() -> None:
    searches = [Search("x", whole=False), Search("x", whole=True)]
    assert find(searches, "\N{FULLWIDTH LATIN SMALL LETTER X}") == (True, False)
    assert find(searches, "x") == (True, True)


def test_a_text_that_takes_too_long_to_normalise_is_no_answer() -> None:
    """Marks out of order are sorted one by one: a million take a quarter of an hour."""
    marks = "a" + "\u0315\u0300" * (MAX_TEXT // 3)
    searches = [Search("a", whole=True), Search("^a", whole=False), Search("b", whole=False)]
    assert find(searches, marks) == (False, True, None)


def test_what_takes_too_long_hides_no_answer_before_it() -> None:
    searches = [Search("a", whole=False), Search("(a+)+b", whole=False), Search("a", whole=False)]
    assert find(searches, "a" * 5000) == (True, None, None)


def test_what_takes_too_much_memory_or_depth_is_no_answer() -> None:
    deep = "(" * 90 + "a" + ")" * 90
    assert find([Search(deep * 1000, whole=False)], "b") in ((False,), (None,))
    assert find([Search("(", whole=False)], "b") == (None,)


def test_text_that_is_too_long_is_not_looked_at() -> None:
    assert find([Search("a", whole=False)], "a" * (MAX_TEXT + 1)) == (None,)


def test_any_text_can_be_searched_and_no_descriptor_stays() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    text = "".join(map(chr, range(0x200))) + "\ud800\udcff\U0010ffff"
    assert find([Search("\ud800\udcff", whole=False)], text) == (True,)
    assert len(list(Path("/proc/self/fd").iterdir())) == before

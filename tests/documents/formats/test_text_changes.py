from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from documents.formats.text_changes import kept_pairs, text_changes

_TEXTS = st.text(alphabet="ab c😀", max_size=20)
_ITEMS = st.lists(st.integers(0, 9), max_size=20)


@given(_TEXTS, _TEXTS, st.booleans())
def test_changes_cover_both_texts_and_what_is_the_same_is_the_same(
    old: str, new: str, by_words: bool
) -> None:
    at = new_at = 0
    for change in text_changes(old, new, by_words=by_words):
        assert (change.start, change.new_start) == (at, new_at)
        at, new_at = change.end, change.new_end
        if change.is_same:
            assert old[change.start : change.end] == new[change.new_start : change.new_end]
    assert (at, new_at) == (len(old), len(new))


def test_a_word_in_the_middle_is_all_that_changes() -> None:
    changes = text_changes("one two three", "one 2 three")
    assert [(c.start, c.end) for c in changes if not c.is_same] == [(4, 7)]


def test_for_people_whole_words_change() -> None:
    for old, new in [("plan A", "planned A"), ("the one", "the stone"), ("one", "three")]:
        for change in text_changes(old, new, by_words=True):
            for text, place in [(old, change.start), (new, change.new_start)]:
                assert place in {0, len(text)} or " " in text[place - 1 : place + 1]


@given(_ITEMS, _ITEMS)
def test_kept_items_are_equal_and_in_order(old: list[int], new: list[int]) -> None:
    pairs = list(kept_pairs(old, new))
    assert all(old[i] == new[j] for i, j in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))


def test_ten_thousand_shuffled_and_ten_thousand_equal_items_take_no_time() -> None:
    many = list(range(10_000))
    assert len(list(kept_pairs(many, many[::-1]))) == 1
    assert len(list(kept_pairs([0] * 10_000, [0] * 9_000))) == 9_000

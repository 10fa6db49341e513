"""Markdown says what it can; what it cannot say stays as it was."""

from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.errors import TooLarge
from documents.formats import markdown
from documents.formats.align import align
from documents.formats.blocks import Block
from documents.formats.inline import InvalidContent
from documents.formats.markdown import SCOPE, from_markdown, to_markdown
from documents.formats.tree import new_document_update
from tests.documents.formats.stories import DOCUMENTS, STORIES, full, without_ids

LOST = {
    "code of several languages",  # no language at all is read as plain text
    "addresses that run scripts",  # are left out
}


@pytest.mark.parametrize("name", STORIES.keys() - LOST)
def test_what_was_fetched_and_put_back_changes_nothing(name: str) -> None:
    """Colours, widths, empty paragraphs, ids: all that Markdown does not say."""
    blocks = full(STORIES[name]["blocks"])
    again = align(blocks, full(from_markdown(to_markdown(blocks))), SCOPE)
    assert full(again) == blocks


@pytest.mark.parametrize("name", STORIES)
def test_what_the_editor_made_is_stable(name: str) -> None:
    once = to_markdown(STORIES[name]["blocks"])
    assert to_markdown(full(from_markdown(once))) == once


@given(DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_any_document_says_the_same_again(blocks: list[Block]) -> None:
    once = to_markdown(full(from_markdown(to_markdown(blocks))))
    assert to_markdown(full(from_markdown(once))) == once


_MARKDOWN = st.lists(
    st.sampled_from(
        ["# ", "- ", "* ", "1. ", "3) ", "> ", "```\n", "| a | b |\n|---|---|\n", "---\n", "**", "*",
         "_", "~~", "`", "[x](y)", "![i](u.png)", "<u>", "</u>", "<br>", "&amp;", "\\", "\n", "\n\n",
         "  ", "    ", "[ ] ", "[x] ", "word", "http://a.b/c ", "é😀", "|", "1", "."]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@given(_MARKDOWN)
@settings(max_examples=300, deadline=None)
def test_any_markdown_is_stable_after_one_reading(text: str) -> None:
    once = to_markdown(full(from_markdown(text)))
    assert to_markdown(full(from_markdown(once))) == once


@pytest.mark.parametrize(
    "text",
    [
        "# One\n\n## Two\n",
        "a **bold** and *slanted* ~~gone~~ `code` [link](https://a.b) <u>under</u>\n",
        "one\\\ntwo\n",
        "- a\n  - b\n    1. c\n- [x] done\n- [ ] open\n",
        "3. three\n4. four\n\n5) five anew\n".replace("\n\n5", "\n5"),
        "> said\n>\n> and more\n\n> another\n",
        "```python\nprint('`')\n\n```\n",
        "| a | b |\n| :-: | --: |\n| **x** | 1 \\| 2 |\n",
        '![name](/a.png "caption")\n',
        "---\n",
        "<details>\n<summary>More</summary>\n\nhidden\n\n</details>\n",
        "\\# no heading \\* \\[ \\`\n",
    ],
)
def test_markdown_comes_back_letter_by_letter(text: str) -> None:
    assert to_markdown(full(from_markdown(text))) == text


def test_a_table_without_a_head_is_one() -> None:
    rows = [{"cells": ["a", "b"]}, {"cells": ["c", "d"]}]
    blocks = full([{"type": "table", "content": {"rows": rows}}])
    text = to_markdown(blocks)
    assert text.splitlines()[0] == "|  |  |"
    assert without_ids(full(from_markdown(text))) == without_ids(blocks)


def test_a_word_changed_in_a_coloured_text_keeps_the_colours() -> None:
    red = {"type": "text", "text": "red words here", "styles": {"textColor": "red"}}
    blocks = full(
        [{"id": "x", "type": "paragraph", "props": {"textAlignment": "right"}, "content": [red]}]
    )
    changed = to_markdown(blocks).replace("words", "letters")
    (block,) = align(blocks, full(from_markdown(changed)), SCOPE)
    assert block["id"] == "x"
    assert block["props"]["textAlignment"] == "right"
    assert block["content"] == [{**red, "text": "red letters here"}]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        "*" * 50_000,
        "> " * 20_000,
        "`" * 50_000,
        "- " * 20_000,
        "<b>" * 300,
        "|" * 50_000,
        ">" * 90 + "a\n" * 500_000,
    ],
)
def test_monsters_are_read_in_bounded_time(text: str) -> None:
    with suppress(InvalidContent, TooLarge):  # nested too deep, too many brackets
        to_markdown(full(from_markdown(text))[:50])


@pytest.mark.parametrize(
    "unit",
    [
        "https://a",
        "-https://a/x",
        "(https://a/b",
        "//a.b/c(",
        "]//a.b  _\n",
        "://",
        "a://",
        "`a ",
        "*x",
        "~~a",
        "`a",
        "**x ",
    ],
)
def test_no_text_takes_longer_than_it_is_long(unit: str) -> None:
    began = process_time()
    new_document_update(from_markdown(unit * (100_000 // len(unit))))
    assert process_time() - began < 8  # it took four times as long for twice as much


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see https://a.b/c_d_e*f* now", "https://a.b/c_d_e*f"),
        ("HTTP://a.b", "HTTP://a.b"),
        ("(ftp://a.b)", "ftp://a.b"),
        ("-https://a.b", "https://a.b"),
        ("xhttps://a.b", ""),
        ("git+https://a.b", ""),
        ("gopher://a.b", ""),
        ("[https://a.b](/c)", "/c"),
    ],
)
def test_whole_addresses_are_links(text: str, address: str) -> None:
    (block,) = from_markdown(text)
    links = [each["href"] for each in block["content"] if each["type"] == "link"]
    assert links == ([address] if address else [])


def test_a_text_of_very_many_brackets_or_marks_can_be_read() -> None:
    runs = [{"type": "text", "text": "[a", "styles": {"bold": n % 2 == 0}} for n in range(6000)]
    (block,) = full([{"type": "paragraph", "content": runs}])
    assert to_markdown([block]).count("<strong>") == 3000
    bold = {"type": "text", "text": "a", "styles": {"bold": True}}
    (block,) = full([{"type": "paragraph", "content": ["[" * 6000, bold]}])
    assert "<strong>a</strong>" in to_markdown([block])


_AROUND = st.lists(
    st.sampled_from(
        ["word", " ", "*", "**", "~", "~~", "_", "`", "[", "](u)", "<u>", "&amp;", "\\", "\n",
         "http://a.b", "1.", "- ", "#", "|", "é", "."]
    ),
    max_size=4,
).map(lambda parts: f" {''.join(parts)} ")  # fmt: skip
_MARKED = st.tuples(
    st.sampled_from(["word", "a b", "1", "http"]), st.sampled_from(["bold", "italic", "strike"])
)


@given(st.lists(st.tuples(_AROUND, _MARKED), min_size=1, max_size=3), _AROUND)
@settings(max_examples=300, deadline=None)
def test_what_is_trusted_without_reading_it_back_would_read_back(
    said: list[tuple[str, tuple[str, str]]], end: str
) -> None:
    inline = [{"type": "text", "text": end, "styles": {}}]
    for around, (text, mark) in said:
        inline[:0] = [
            {"type": "text", "text": around, "styles": {}},
            {"type": "text", "text": text, "styles": {mark: True}},
        ]
    runs = markdown._said_runs(inline)
    assert markdown._is_unmistakable(runs)
    assert markdown._reads_back(markdown.inline_markdown(inline), runs)

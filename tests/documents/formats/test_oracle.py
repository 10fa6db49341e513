"""BlockNote's own converters as an oracle: where ours differ, this says why.

``PARSED`` are texts that BlockNote 0.55 has read, ``STORIES`` documents that it has written and
read back. The table is checked both ways: a difference that is gone must leave it.
"""

import pytest

from documents.formats.blocks import Block
from documents.formats.html import to_html
from documents.formats.html_reader import from_html
from documents.formats.markdown import from_markdown, to_markdown
from tests.documents.formats.stories import PARSED, STORIES, full, without_ids

READ = {"markdown": from_markdown, "html": from_html}
WRITE = {"markdown": to_markdown, "html": to_html}

NOTHING = "nothing is no block: the document gets its one paragraph when it is stored"
SOFT_BREAK = "a line's end in a paragraph is a space (CommonMark 6.8), not a break and a space"
COMMONMARK = "as in CommonMark; BlockNote reads a part of it"
KEPT_APART = "blocks in a quote or an item stay blocks; BlockNote joins or drops them"
NO_COLOURS = "colours are those of the editor's palette; others would not show in its menus"
SPACES = "spaces at the edges of a block, which no browser shows, go"
DIFFERENT: dict[tuple[str, str], str] = {
    ("markdown", "nothing at all"): NOTHING,
    ("markdown", "a paragraph over two lines"): SOFT_BREAK,
    ("markdown", "lines that end as on Windows"): "\\r\\n ends a line like \\n",
    ("markdown", "headings closed, empty and without a space"): COMMONMARK,
    ("markdown", "setext headings"): COMMONMARK,
    ("markdown", "empty items"): COMMONMARK,
    ("markdown", "numbers"): "another delimiter begins another list, whose number counts",
    ("markdown", "a list right after a paragraph"): COMMONMARK,
    ("markdown", "a table with alignment"): "the alignment of columns is kept",
    (
        "markdown",
        "a table without outer pipes, with rows too short and too long",
    ): "as in GFM: rows are filled or cut",
    (
        "markdown",
        "code that is empty, never closed, and with more than a language",
    ): "the language is the first word of the info string",
    ("markdown", "indented code"): COMMONMARK,
    ("markdown", "quotes"): KEPT_APART,
    ("markdown", "quotes that hold blocks"): KEPT_APART,
    ("markdown", "hard breaks"): "no space after a break",
    ("markdown", "marks nested"): "code keeps the marks around it, as it does in a live document",
    ("markdown", "marks that are none"): COMMONMARK,
    ("markdown", "links by reference"): COMMONMARK,
    ("markdown", "autolinks"): "as in GFM",
    ("markdown", "links that run scripts"): "they are no links; their text stays as it was written",
    ("markdown", "images"): "a title is the caption; an address does not make a video of an image",
    ("markdown", "images between words"): "images stay where they were between the words",
    ("markdown", "escapes"): COMMONMARK,
    ("markdown", "entities"): COMMONMARK,
    ("markdown", "html inline"): NO_COLOURS,
    ("markdown", "html blocks"): "a script leaves nothing behind, not even a paragraph",
    ("markdown", "footnotes, definition lists and math"): "[^1]: is a reference in CommonMark",
    ("markdown", "leading spaces and tabs"): COMMONMARK,
    ("html", "nothing at all"): NOTHING,
    ("html", "paragraphs"): "an empty paragraph is one, too",
    ("html", "spaces and lines between tags"): SPACES,
    ("html", "line breaks"): "a break at the end of a block shows nothing",
    ("html", "items with several paragraphs"): KEPT_APART,
    ("html", "quotes"): KEPT_APART,
    ("html", "code"): "the last newline of <pre> is markup; <pre> alone is code as well",
    (
        "html",
        "a table with head, body, foot and caption",
    ): "a head is counted from <thead> and <th>",
    ("html", "a table with spans, widths and alignment"): NO_COLOURS,
    ("html", "a table with blocks in its cells"): "blocks in a cell are its lines",
    ("html", "colours by style"): NO_COLOURS,
    ("html", "marks nested and overlapping"): "code keeps the marks in it",
    ("html", "alignment"): "align= counts like text-align",
    ("html", "images"): "images stay where they were; a title is the caption",
    ("html", "video, audio and embeds"): "<source> counts; an <embed> is not kept",
    ("html", "definition lists, kbd, sub, sup and others"): "<kbd> is code, <ins> is underlined",
    ("html", "code blocks, headings and quotes in list items"): KEPT_APART,
}
# Documents that do not come back quite the same: what the format does not keep (docs/api.md).
LOST = {
    "markdown": {
        "an empty document, never typed in",
        "one empty paragraph",
        "empty paragraphs between",
        "quotes",
        "code of several languages",
        "column widths",
        "cells that span columns and rows",
        "cells with colours and alignment",
        "images",
        "videos",
        "audio",
        "files",
        "alignment and colours on blocks",
        "each mark alone",
        "marks that overlap",
        "links",
        "right to left",
        "a long document",
    },
    "html": {"code of several languages"},
}

# … among them what BlockNote does bring back.
ONLY_THEIRS = {
    ("markdown", "an empty document, never typed in"): NOTHING,
    ("markdown", "one empty paragraph"): NOTHING,
    ("html", "code of several languages"): "code without a language is read as plain text",
}


def plain(blocks: list[Block]) -> list[Block]:
    return without_ids(full(blocks))


@pytest.mark.parametrize(
    "parsed", PARSED, ids=[f"{parsed['format']}: {parsed['name']}" for parsed in PARSED]
)
def test_we_read_what_blocknote_reads_or_say_why_not(parsed):
    ours = plain(READ[parsed["format"]](parsed["text"]))
    is_same = ours == plain(parsed["blocks"])
    assert is_same != ((parsed["format"], parsed["name"]) in DIFFERENT)


def test_the_table_names_texts_that_are_there():
    assert DIFFERENT.keys() <= {(parsed["format"], parsed["name"]) for parsed in PARSED}


@pytest.mark.parametrize("kind", ["markdown", "html"])
@pytest.mark.parametrize("name", STORIES)
def test_what_blocknote_brings_back_we_bring_back_and_more(name, kind):
    story = STORIES[name]
    written = plain(story["blocks"])
    ours = plain(READ[kind](WRITE[kind](story["blocks"]))) == written
    theirs = plain(story[f"from_{kind}"]) == written
    assert (theirs and not ours) == ((kind, name) in ONLY_THEIRS)
    assert ours == (name not in LOST[kind])

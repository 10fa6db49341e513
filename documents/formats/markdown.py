"""Markdown: CommonMark with GFM's tables, task lists and strike-through; HTML for all else.

Reading makes HTML of it, so that HTML inside Markdown means the same as outside. Writing keeps
what the document says: whatever Markdown's own marks cannot say here is written as HTML tags,
and marks are read back before they are trusted. Iterative.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from collab.errors import TooLarge
from documents.formats.align import Scope
from documents.formats.blocks import PROPS, Block
from documents.formats.html import inline_html, to_html
from documents.formats.html_reader import read_html
from documents.formats.inline import Inline, inline_from, runs_of
from documents.formats.links import is_safe_link
from documents.formats.nodes import Marks, Run

MARKS = frozenset({"bold", "italic", "underline", "strike", "code", "link"})
_MARK_ORDER = ["link", "bold", "italic", "strike", "underline", "code"]
_DELIMITERS = {"bold": "**", "italic": "*", "strike": "~~"}
_TAGS = {"bold": "strong", "italic": "em", "strike": "s", "underline": "u", "code": "code"}


def _is_unsaid(block: Block) -> bool:
    """An empty paragraph: Markdown has no word for it."""
    return block["type"] == "paragraph" and not block.get("content") and not block.get("children")


SCOPE = Scope(
    marks=MARKS,
    props={
        "heading": frozenset({"level", "isToggleable"}),
        "checkListItem": frozenset({"checked"}),
        "numberedListItem": frozenset({"start"}),
        "codeBlock": frozenset({"language"}),
        "image": frozenset({"url", "name", "caption"}),
        **{kind: frozenset(PROPS[kind]) - {"backgroundColor", "textAlignment"}
           for kind in ("video", "audio", "file")},
    },
    cell_props=frozenset({"textAlignment", "colspan", "rowspan"}),
    hides=_is_unsaid,
)  # fmt: skip


# -- Reading --------------------------------------------------------------------------------
def from_markdown(text: str) -> list[Block]:
    """The blocks of a Markdown text. Any text is Markdown; raises TooLarge for monsters."""
    # Looking for the ends of links is quadratic in the brackets of one passage.
    if max(passage.count("[") for passage in _PASSAGE.split(text)) > _MAX_BRACKETS:
        raise TooLarge(f"a passage may have {_MAX_BRACKETS:,} opening brackets")
    # Each line is looked at once for each quote around it.
    deepest = max((quotes.count(">") for quotes in _QUOTES.findall(text)), default=0)
    if deepest * text.count("\n") > _MAX_QUOTED:
        raise TooLarge("too many lines beside deeply nested quotes")
    return read_html(_html_of(text), keeps_spaces=True)


def _html_of(text: str) -> str:
    parser = _parser()
    tokens = parser.parse(text)
    for place, token in enumerate(tokens):
        if token.type == "inline" and place > 1 and tokens[place - 2].type == "list_item_open":
            _tick(token)
    html: str = parser.renderer.render(tokens, parser.options, {})
    return html


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("gfm-like", {"html": True, "linkify": True, "maxNesting": 100})
    assert parser.linkify is not None
    # Only whole addresses: "see example.com" or a file's name is no link.
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    # Without the renderer's newlines: what spaces are around a break is the text's own.
    parser.add_render_rule("softbreak", lambda *_: " ")
    parser.add_render_rule("hardbreak", lambda *_: "<br>")
    parser.inline.ruler.at("linkify", _linkify)
    # The second look that the parser takes is quadratic, and finds hardly more.
    parser.core.ruler.disable("linkify")
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]  # as it was written
    return parser


def _linkify(state: StateInline, silent: bool) -> bool:
    """A bare address. The parser's own rule looks through all the text before each "://"."""
    if state.linkLevel > 0 or not state.src.startswith("://", state.pos):
        return False
    scheme = _SCHEME.search(state.pending[-_LONGEST_SCHEME:])
    if scheme is None:
        return False
    assert state.md.linkify is not None
    start = state.pos - len(scheme[0])
    link = state.md.linkify.match_at_start(state.src[start : start + _MAX_ADDRESS])
    if link is None or not state.md.validateLink(url := link.url.rstrip("*")):
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[0])]
        opening = state.push("link_open", "a", 1)
        opening.attrs = {"href": url}
        state.push("text", "", 0).content = state.md.normalizeLinkText(url)
        state.push("link_close", "a", -1)
    state.pos += len(url) - len(scheme[0])
    return True


_SCHEME = re.compile(r"(?<![a-z0-9+])(?:https?|ftp)\Z", re.IGNORECASE)
_MAX_ADDRESS = 4096  # what is in brackets in one is looked at again from each bracket
_LONGEST_SCHEME = len("https") + 1  # and what stands before it
_MAX_BRACKETS = 5000
_MAX_QUOTED = 2_000_000  # lines, times the depth of quotes
_QUOTES = re.compile(r"^[ \t>*+-]*>", re.MULTILINE)
_MANY_RUNS = 5000  # in one text: to read it back takes longer than is worth it
_PASSAGE = re.compile(r"\n[ \t]*\n")
_TASK = re.compile(r"\[([ xX])\](?:[ \t]+|$)")


def _tick(inline: Token) -> None:
    """A list item's text that begins with ``[ ]`` or ``[x]``."""
    found = _TASK.match(inline.content)
    if found is None or not inline.children or inline.children[0].type != "text":
        return
    first = inline.children[0]
    first.content = first.content[found.end() :]
    checked = "" if found[1] == " " else " checked"
    box = Token("html_inline", "", 0, content=f'<input type="checkbox"{checked}>')
    inline.children.insert(0, box)


# -- Writing --------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Work:
    """Something that is still to be written: a block, or a line of HTML that ends one."""

    block: Block | None
    prefix: str  # of every line
    marker: str = ""  # of its first line alone
    line: str = ""
    gap: bool = True  # an empty line before it


def to_markdown(blocks: Sequence[Block]) -> str:
    """A Markdown text that ends with a newline; empty for a document without content."""
    lines: list[str] = []
    todo = list(reversed(list(_siblings(blocks, ""))))
    while todo:
        work = todo.pop()
        if lines and work.gap:
            lines.append(work.prefix.rstrip())
        if work.block is None:
            lines.append(work.prefix + work.line)
            continue
        own, nested = _written(work.block, work.prefix, work.marker)
        lines += own
        todo += reversed(nested)
    return "\n".join(lines) + "\n" if lines else ""


def _siblings(blocks: Sequence[Block], prefix: str, *, gap: bool = True) -> Iterator[_Work]:
    """``gap``: whether the first comes after an empty line."""
    number, delimiter = 0, "."
    before: Block | None = None
    for block in blocks:
        if _is_unsaid(block):
            continue
        kind = block["type"]
        marker = ""
        if kind == "numberedListItem":
            start = block["props"].get("start")
            follows = before is not None and before["type"] == kind
            if not follows:
                number, delimiter = start if start is not None else 1, "."
            elif start is not None:
                # Another delimiter begins another list.
                number, delimiter = start, ")" if delimiter == "." else "."
            else:
                number += 1
            marker = f"{number}{delimiter} "
        elif kind in {"bulletListItem", "checkListItem"}:
            marker = "- "
        if before is not None:
            gap = not (marker and _ends_tight(before))
        yield _Work(block, prefix, marker, gap=gap)
        before = block


def _ends_tight(block: Block) -> bool:
    """Whether the next item of the list may follow without an empty line."""
    return block["type"] in _ITEMS and all(
        child["type"] in _ITEMS or _is_unsaid(child) for child in block.get("children") or []
    )


_ITEMS = frozenset({"bulletListItem", "numberedListItem", "checkListItem"})


def _written(block: Block, prefix: str, marker: str) -> tuple[list[str], list[_Work]]:
    """The lines of a block itself, and what is to follow them."""
    kind, props, children = block["type"], block["props"], block.get("children") or []
    if kind == "toggleListItem" or (kind == "heading" and props.get("isToggleable")):
        return _toggle(block, prefix)
    if kind in _ITEMS:
        box = ("[x] " if props["checked"] else "[ ] ") if kind == "checkListItem" else ""
        inner = prefix + " " * len(marker)
        text = box + inline_markdown(block.get("content"), is_item=not box)
        if not text.strip() and _begins_with_text(children):
            text = "<p></p>"  # or the first nested paragraph would be taken for its text
        lines = _prefixed(text, prefix + marker, inner)
        return lines, list(_siblings(children, inner, gap=not _may_follow(text, children)))
    if kind == "quote":
        inner = prefix + "> "
        text = inline_markdown(block.get("content"))
        if not text and _begins_with_text(children):
            text = "<p></p>"
        return _prefixed(text, inner, inner), list(_siblings(children, inner))
    lines = _prefixed(_leaf(block), prefix, prefix)
    if not any(not _is_unsaid(child) for child in children):
        return lines, []
    nested = [_Work(None, prefix, line="<div data-nested>"), *_siblings(children, prefix)]
    return lines, [*nested, _Work(None, prefix, line="</div>")]


def _may_follow(text: str, children: Sequence[Block]) -> bool:
    """Whether nested blocks may, or must, come right after an item's text."""
    if not text.strip():
        return True  # after an empty line they would not be nested
    first = next((child for child in children if not _is_unsaid(child)), None)
    # A list that is empty, or does not begin with 1, would be taken for more of the text.
    return (
        first is not None
        and first["type"] in _ITEMS
        and bool(first.get("content"))
        and first["props"].get("start", 1) == 1
    )


def _begins_with_text(children: Sequence[Block]) -> bool:
    first = next((child for child in children if not _is_unsaid(child)), None)
    return first is not None and (
        first["type"] in {"paragraph", "image", "toggleListItem"}
        or bool(first["props"].get("isToggleable"))
    )


def _toggle(block: Block, prefix: str) -> tuple[list[str], list[_Work]]:
    text = inline_html(_said(block.get("content")))
    if block["type"] == "heading":
        text = f"<h{block['props']['level']}>{text}</h{block['props']['level']}>"
    lines = [f"{prefix}<details>", f"{prefix}<summary>{text}</summary>"]
    nested = list(_siblings(block.get("children") or [], prefix))
    return lines, [*nested, _Work(None, prefix, line="</details>")]


def _said(inline: Any) -> Inline:
    """Without the marks that Markdown does not say."""
    return inline_from(_said_runs(inline))


def _prefixed(text: str, first: str, rest: str) -> list[str]:
    """Empty lines end without spaces."""
    head, *tail = text.split("\n")
    return [
        first + head if head else first.rstrip(),
        *(rest + line if line else rest.rstrip() for line in tail),
    ]


def _leaf(block: Block) -> str:
    kind, props = block["type"], block["props"]
    match kind:
        case "heading":
            text = inline_markdown(block.get("content"), one_line=True)
            guarded = text[:-1] + "\\#" if text.endswith("#") else text
            return f"{'#' * props['level']} {guarded}".rstrip(" ")
        case "codeBlock":
            return _code(block)
        case "divider":
            return "---"
        case "table":
            return _table(block)
        case "image":
            return _image(props)
        case "video" | "audio" | "file":
            plain = {**props, "backgroundColor": "default", "textAlignment": "left"}
            return to_html([{**block, "props": plain, "children": []}], ids=False)
    return inline_markdown(block.get("content")) or "<p></p>"


def _code(block: Block) -> str:
    text = "".join(run.text for run in runs_of(block.get("content")))
    language = block["props"].get("language") or "text"
    if re.search(r"[\s`]", language) or "\r" in text:
        return to_html([{**block, "children": []}], ids=False)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    info = "" if language == "text" else language
    return "\n".join([fence + info, *([] if text == "" else text.split("\n")), fence])


def _image(props: Mapping[str, Any]) -> str:
    url = props["url"] if is_safe_link(props["url"]) else ""
    name, caption = _escaped(_on_one_line(props["name"])), _escaped(_on_one_line(props["caption"]))
    title = ' "' + caption.replace('"', '\\"') + '"' if caption else ""
    return f"![{name}]({_address(url)}{title})"


def _on_one_line(text: str) -> str:
    return re.sub(r"\s*[\r\n]\s*", " ", text)


def _address(url: str) -> str:
    url = "".join(c if c.isprintable() else f"%{ord(c):02X}" for c in url)
    if url and not re.search(r"[\s()<>\\&]", url):
        return url
    return "<" + re.sub(r"([<>\\&])", r"\\\1", url) + ">"


def _table(block: Block) -> str:
    content = block["content"]
    rows = [row["cells"] for row in content.get("rows") or []]
    columns = len(rows[0]) if rows else 0
    has_head = bool(content.get("headerRows"))
    is_plain = (
        columns > 0
        and all(len(row) == columns for row in rows)
        and (content.get("headerRows") or 0) <= 1
        and (not content.get("headerCols") or (has_head and len(rows) == 1))
        and all(_is_plain(cell["props"]) for row in rows for cell in row)
        and (has_head or any(cell["content"] for cell in rows[0]))
    )
    alignments = [
        {row[x]["props"].get("textAlignment", "left") for row in rows}
        for x in range(columns if is_plain else 0)
    ]
    if not is_plain or any(len(each) > 1 or each == {"justify"} for each in alignments):
        return to_html([_uncoloured(block)], ids=False)
    head, *body = rows if has_head else [[{"content": []}] * columns, *rows]
    rule = [{"center": ":-:", "right": "--:"}.get(*each, "---") for each in alignments]  # type: ignore[call-overload]
    lines = [[_cell(cell) for cell in row] for row in [head, *body]]
    return "\n".join(f"| {' | '.join(row)} |" for row in [lines[0], rule, *lines[1:]])


def _is_plain(props: Mapping[str, Any]) -> bool:
    return bool(props.get("colspan", 1) == props.get("rowspan", 1) == 1)


def _cell(cell: Mapping[str, Any]) -> str:
    return inline_markdown(cell["content"], one_line=True).replace("|", "\\|")


def _uncoloured(block: Block) -> Block:
    """A table with nothing but what the scope says."""
    rows = [
        {
            "cells": [
                {
                    **cell,
                    "content": _said(cell["content"]),
                    "props": {k: v for k, v in cell["props"].items() if k in SCOPE.cell_props},
                }
                for cell in row["cells"]
            ]
        }
        for row in block["content"].get("rows") or []
    ]
    content = {**block["content"], "rows": rows, "columnWidths": []}
    return {**block, "props": {}, "content": content, "children": []}


# -- Inline ---------------------------------------------------------------------------------
def inline_markdown(inline: Any, *, one_line: bool = False, is_item: bool = False) -> str:
    """Inline content; a break is a backslash at the end of a line, or ``<br>`` in one line.

    ``is_item``: the text of a list item, which must not look like a task.
    """
    runs = _said_runs(inline)
    # Nobody shows the last break of a text.
    end = "<br>" if runs and runs[-1].text.endswith("\n") else ""
    text = _laid_out(_with_delimiters(runs), one_line, is_item) + end
    is_sure = len(runs) < _MANY_RUNS and (_is_unmistakable(runs) or _reads_back(text, runs))
    if not is_sure:
        text = _laid_out(_with_tags(runs), one_line, is_item) + end
    return text


def _said_runs(inline: Any) -> list[Run]:
    said: list[Run] = []
    for run in runs_of(inline):
        marks = {name: value for name, value in run.marks.items() if name in MARKS}
        if "link" in marks and not is_safe_link(marks["link"]["href"]):
            del marks["link"]
        if said and said[-1].marks == marks:
            said[-1] = Run(said[-1].text + run.text, marks)
        else:
            said.append(Run(run.text, marks))
    return said


def _is_unmistakable(runs: Sequence[Run]) -> bool:
    """Whether delimiters cannot be misread: one pair around words, between spaces.

    To read a text back takes longer than all the rest, and most of them are like this.
    """
    for before, run, after in zip([None, *runs], runs, [*runs[1:], None], strict=False):
        if not run.marks:
            continue
        is_apart = (before is None or before.text.endswith(" ")) and (
            after is None or after.text.startswith(" ")
        )
        is_between_words = not (before and before.marks) and not (after and after.marks)
        is_simple = len(run.marks) == 1 and run.marks.keys() <= _DELIMITERS.keys()
        if not (is_apart and is_between_words and is_simple and _WORDS.fullmatch(run.text)):
            return False
    return True


def _reads_back(text: str, runs: list[Run]) -> bool:
    try:
        blocks = from_markdown(f"{text}\n")
    except TooLarge:
        return False
    is_text = len(blocks) == 1 and blocks[0]["type"] == "paragraph" and not blocks[0]["children"]
    return is_text and _said_runs(blocks[0]["content"]) == runs


def _with_delimiters(runs: Sequence[Run]) -> str:
    return _marked(runs, _opening, _closing)


def _with_tags(runs: Sequence[Run]) -> str:
    return _marked(
        runs,
        lambda name, value: (
            inline_html([{"type": "link", "href": value["href"], "content": "\0"}]).partition("\0")[
                0
            ]
            if name == "link"
            else f"<{_TAGS[name]}>"
        ),
        lambda name, value: "</a>" if name == "link" else f"</{_TAGS[name]}>",
        has_code_spans=False,
    )


def _marked(runs: Sequence[Run], opening: Any, closing: Any, *, has_code_spans: bool = True) -> str:
    out: list[str] = []
    open_marks: list[tuple[str, Any]] = []
    for run in runs:
        wanted = _in_order(run.marks, has_code_spans)
        common = 0
        while common < min(len(wanted), len(open_marks)) and wanted[common] == open_marks[common]:
            common += 1
        out += [closing(name, value) for name, value in reversed(open_marks[common:])]
        out += [opening(name, value) for name, value in wanted[common:]]
        open_marks = wanted
        is_span = has_code_spans and "code" in run.marks
        out.append(_code_span(run.text) if is_span else _escaped(run.text))
    out += [closing(name, value) for name, value in reversed(open_marks)]
    return "".join(out)


def _in_order(marks: Marks, has_code_spans: bool) -> list[tuple[str, Any]]:
    return [
        (name, marks[name])
        for name in _MARK_ORDER
        if name in marks and not (has_code_spans and name == "code")
    ]


def _opening(name: str, value: Any) -> str:
    return "[" if name == "link" else _DELIMITERS.get(name, f"<{_TAGS[name]}>")


def _closing(name: str, value: Any) -> str:
    if name == "link":
        return f"]({_address(value['href'])})"
    return _DELIMITERS.get(name, f"</{_TAGS[name]}>")


def _code_span(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if re.search(r"^`|`$|^ .*[^ ].* $", text, re.DOTALL) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


_WORDS = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_SPECIAL = re.compile(
    r"""[`*\[\]]               # marks and links
      | ~(?=~) | (?<=~)~       # strike-through
      | (?<![^\W_])_ | _(?![^\W_])   # emphasis, unless within a word
      | <(?=[A-Za-z/!?])       # HTML
      | &(?=\#?\w+;)           # entities
      | (?<=http)(?=:) | (?<=https)(?=:) | (?<=ftp)(?=:) | (?<=mailto)(?=:)  # bare addresses
      | (?<=/)(?=/)
      | \\(?=[!-/:-@\[-`{-~]|\n|$)   # backslashes that would mean something
    """,
    re.VERBOSE | re.IGNORECASE,
)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)


_LINE_START = re.compile(
    r"""(?P<mark>\#{1,6}(?=[ \t]|$)|[-+](?=[ \t]|$)|>|[=-]+[ \t]*$|[-:|][-:| \t]*$)
      | (?P<number>\d{1,9})(?P<dot>[.)](?=[ \t]|$))""",
    re.VERBOSE,
)
_TASK_BOX = re.compile(r"\\\[([ xX])\\\]")


def _laid_out(text: str, one_line: bool, is_item: bool) -> str:
    """Breaks, and what must not be taken for the beginning of something else."""
    if one_line:
        return "<br>".join(_with_visible_ends(line) for line in text.split("\n"))
    lines = [_guarded(_with_visible_ends(line)) for line in text.split("\n")]
    # A backslash before an empty line would be a backslash.
    return "\\\n".join(lines) if all(lines) else "<br>".join(lines)


def _guarded(line: str) -> str:
    found = _LINE_START.match(line)
    if found is None:
        return line
    if found["mark"]:
        return "\\" + line
    return f"{found['number']}\\{line[found.start('dot') :]}"


def _with_visible_ends(line: str) -> str:
    """Spaces at the ends of a line, as characters that no parser takes away."""
    core = line.strip()
    if core == line:
        return line
    start = len(line) - len(line.lstrip())
    head, tail = line[:start], line[start + len(core) :]
    if tail and (len(core) - len(core.rstrip("\\"))) % 2:
        core += "\\"  # or it would take the meaning from what follows
    return _spelled(head) + core + _spelled(tail)


def _spelled(spaces: str) -> str:
    return "".join(f"&#{ord(character)};" for character in spaces)

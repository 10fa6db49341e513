"""Any HTML, read as blocks: what programs send, what Markdown becomes, what ``html`` writes.

nh3 parses as browsers do and leaves nothing that can run; what it returns is well formed, so
the standard library's parser is enough for the rest. Iterative: a frame for each open element.
"""

import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import nh3

from collab.errors import TooLarge
from documents.formats.blocks import MAX_SPAN, PROPS, Block
from documents.formats.html import DATA_PROPS, LISTS
from documents.formats.inline import Inline, inline_from
from documents.formats.links import SAFE_SCHEMES, is_safe_link
from documents.formats.nodes import Run

_COMMON = {"style", "align"}
_ATTRIBUTES = {
    "*": _COMMON,
    "a": {"href", "download"},
    "img": {"src", "alt", "title", "width"},
    "video": {"src", "title", "width"},
    "audio": {"src", "title"},
    "source": {"src"},
    "embed": {"src"},
    "ol": {"start"},
    "li": {"value"},
    "input": {"type", "checked"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "col": {"width", "span"},
    "code": {"class"},
    "pre": {"class", "lang"},
}
_TAGS = {
    "a", "abbr", "address", "article", "aside", "audio", "b", "blockquote", "br", "caption",
    "center", "cite", "code", "col", "colgroup", "dd", "del", "details", "dfn", "div", "dl",
    "dt", "em", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hr", "i", "img", "input", "ins", "kbd", "li", "main", "mark", "nav", "ol", "p", "pre", "q",
    "s", "samp", "section", "source", "span", "strike", "strong", "sub", "summary", "sup",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var", "video",
}  # fmt: skip
_MARK_OF_TAG = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em", "cite", "dfn", "var"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "del", "strike"), "strike"),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), "code"),
}
_INLINE = {*_MARK_OF_TAG, "a", "span", "mark", "abbr", "q", "sub", "sup"}
_VOID = {"br", "hr", "img", "input", "col", "source"}
_ALIGNMENTS = {"left", "center", "right", "justify"}
_DECLARATION = re.compile(r"([a-z-]+)\s*:\s*([^;]+)")
_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang)-(\S+)")
_SPACES = re.compile(r"[ \t\n\r\f]+")
_SOFT = "\ue000"  # a newline that is layout: a space, unless at the ends of a text
# Begun where spaces begin, and not at each of a million of them.
_SPACES_WITH_NEWLINE = re.compile(r"(?<![ \t\f])[ \t\f]*[\r\n][ \t\n\r\f]*")

# Parsers are quadratic in depth and in the attributes of one tag.
_MAX_HTML_DEPTH = 400
_MAX_REPEATED = 2_000_000  # each paragraph opens again what was open before it
_MAX_SIGNS_IN_A_TAG = 5000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_NEED_NO_END = {*_VOID, "p", "li", "td", "th", "tr", "thead", "tbody", "tfoot", "dt", "dd",
                "colgroup", "option", "meta", "link", "base", "wbr", "area", "html", "head",
                "body"}  # fmt: skip


def from_html(html: str) -> list[Block]:
    """The blocks of any HTML. Raises TooLarge for what no browser would show either."""
    return read_html(html, keeps_spaces=False)


def read_html(html: str, *, keeps_spaces: bool) -> list[Block]:
    """``keeps_spaces``: spaces within a line count, as in HTML that Markdown was turned into."""
    _refuse_monsters(html)
    clean = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style", "title", "template", "noscript", "head"},
        attributes=_ATTRIBUTES,
        generic_attribute_prefixes={"data-"},
        url_schemes=set(SAFE_SCHEMES),
        filter_style_properties={
            "text-align",
            "white-space",
            "width",
            "font-weight",
            "font-style",
            "text-decoration",
            "text-decoration-line",
        },
        link_rel=None,
    )
    reader = _Reader(keeps_spaces=keeps_spaces)
    reader.feed(clean)
    reader.close()
    return reader.finish()


def _refuse_monsters(html: str) -> None:
    depth = repeated = 0
    for closing, tag in _TAG.findall(html):
        if (repeated := repeated + depth) > _MAX_REPEATED:
            raise TooLarge("too many HTML tags within unclosed or nested ones")
        if tag.lower() in _NEED_NO_END:
            continue
        depth = max(depth - 1, 0) if closing else depth + 1
        if depth > _MAX_HTML_DEPTH:
            raise TooLarge(f"HTML may be nested {_MAX_HTML_DEPTH} deep")
    if any(piece.count("=") > _MAX_SIGNS_IN_A_TAG for piece in html.split("<")):
        raise TooLarge("too many attributes in one HTML tag")


class _Frame:
    """An open element: where blocks inside it go, and which block waits for its text."""

    __slots__ = ("align", "block", "fill", "keeps_spaces", "siblings", "tag")

    def __init__(
        self, tag: str, siblings: list[Block], *, keeps_spaces: bool, align: str = ""
    ) -> None:
        self.tag = tag
        self.siblings = siblings
        self.block: Block | None = None
        self.fill: Block | None = None
        self.keeps_spaces = keeps_spaces
        self.align = align


def _new_block(kind: str, **props: Any) -> Block:
    defaults = {name: value for name, value in PROPS[kind].items() if value is not None}
    return {"type": kind, "props": {**defaults, **props}, "content": [], "children": []}


class _Reader(HTMLParser):
    """Well-formed HTML in, blocks out. Iterative: one frame for each open element."""

    def __init__(self, *, keeps_spaces: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._blocks: list[Block] = []
        self._frames = [_Frame("", self._blocks, keeps_spaces=False)]
        self._keeps_spaces = keeps_spaces
        self._runs: list[Run] = []
        self._marks: list[tuple[str, dict[str, Any]]] = []  # (tag, marks that it adds)
        self._code: list[str] | None = None  # inside <pre>
        self._table: _Table | None = None
        self._figure: Block | None = None
        self._caption: list[str] | None = None
        self._last_list: tuple[list[Block], str] | None = None  # ended right before

    # -- Events -----------------------------------------------------------------------------
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._code is not None:
            if tag == "br":
                self._code.append("\n")
            if language := _language_of(given):
                self._top.block["props"]["language"] = language  # type: ignore[index]
        elif tag == "br":
            self._text("\n")
        elif tag in _INLINE:
            self._open_inline(tag, given)
        elif self._table is not None and tag not in {"table"}:
            self._table_tag(tag, given)
        else:
            self._open_block(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if self._code is not None and tag != "pre":
            return
        if tag in _INLINE:
            self._close_inline(tag)
        elif self._table is not None and tag != "table":
            self._end_of_table_tag(tag)
        elif tag not in _VOID:
            self._close_block(tag)

    def handle_data(self, data: str) -> None:
        if self._code is not None:
            self._code.append(data)
        elif self._caption is not None:
            self._caption.append(data)
        elif self._top.keeps_spaces:
            self._text(data)
        elif self._keeps_spaces:
            self._text(_SPACES_WITH_NEWLINE.sub(_SOFT, data))
        else:
            self._text(_SPACES.sub(" ", data))

    def finish(self) -> list[Block]:
        """All blocks, after the last event."""
        self._flush()
        return self._blocks

    # -- Inline -----------------------------------------------------------------------------
    @property
    def _top(self) -> _Frame:
        return self._frames[-1]

    def _text(self, text: str) -> None:
        if not text:
            return
        marks: dict[str, Any] = {}
        for _, added in self._marks:
            marks |= added
        marks = {name: value for name, value in marks.items() if value is not None}
        if not self._top.keeps_spaces:
            # What a browser does not show: spaces after another one or after a break.
            soft = _SOFT if self._keeps_spaces else " "
            before = self._runs[-1].text if self._runs else "\n"
            text = text.lstrip(soft) if before[-1] in f"{soft}\n" else text
        if text:
            self._runs.append(Run(text, marks))

    def _open_inline(self, tag: str, given: Mapping[str, str]) -> None:
        added: dict[str, Any] = {}
        if (mark := _MARK_OF_TAG.get(tag)) is not None:
            added[mark] = {}
        elif tag == "a" and self._figure is not None and "download" in given:
            file = _new_block("file", url=given.get("href", ""), name=given["download"])
            self._figure |= {**file, "figure": self._figure["props"]}
            self._caption = []  # its text is its name again
        elif tag == "a" and is_safe_link(href := given.get("href", "")) and href:
            added["link"] = {"href": href}
        elif tag == "mark":
            added["backgroundColor"] = {"stringValue": "yellow"}
        for mark, attribute in DATA_PROPS.items():
            value = given.get(attribute)
            if given.get("data-style-type") == mark:  # as BlockNote's own full HTML has it
                value = given.get("data-value")
            if value:
                added[mark] = {"stringValue": value}
        self._marks.append((tag, added | _marks_of(_style_of(given))))

    def _close_inline(self, tag: str) -> None:
        if self._figure is not None and tag == "a":
            self._caption = None
        for place in range(len(self._marks) - 1, -1, -1):
            if self._marks[place][0] == tag:
                del self._marks[place]
                return

    def _flush(self, *, is_end_of_paragraph: bool = False) -> None:
        """End the text so far: it belongs to the block that waits for one, or is a paragraph."""
        runs, self._runs = self._runs, []
        top = self._top
        inline = self._trimmed(runs)
        if not inline and not is_end_of_paragraph:
            return
        self._last_list = None
        block = top.fill
        if block is None:
            block = _new_block("paragraph")
            if top.align:
                block["props"]["textAlignment"] = top.align
            top.siblings.append(block)
        top.fill = None
        block["content"] = inline

    def _trimmed(self, runs: list[Run]) -> Inline:
        """Without the spaces at the end and the last break, which a browser does not show."""
        if not self._top.keeps_spaces:
            soft = _SOFT if self._keeps_spaces else " "
            while runs and not (text := runs[-1].text.rstrip(soft)):
                runs.pop()
            if runs:
                runs[-1] = Run(text, runs[-1].marks)
        if runs and runs[-1].text.endswith("\n"):
            runs[-1] = Run(runs[-1].text[:-1], runs[-1].marks)
        return inline_from([Run(run.text.replace(_SOFT, " "), run.marks) for run in runs])

    # -- Blocks -----------------------------------------------------------------------------
    def _open_block(self, tag: str, given: Mapping[str, str]) -> None:
        if tag not in {"p", "input", "summary"} or self._runs:
            self._flush()
        parent = self._top
        style = _style_of(given)
        align = style.get("text-align") or given.get("align", "")
        align = align if align in _ALIGNMENTS else parent.align
        frame = _Frame(
            tag,
            parent.siblings,
            keeps_spaces=_keeps_spaces(style, parent.keeps_spaces),
            align=align,
        )
        match tag:
            case "p":
                frame.fill = parent.fill
                if frame.fill is None:
                    frame.fill = self._begin(parent, "paragraph", given, align)
                else:
                    frame.block = frame.fill
                parent.fill = None
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                frame.fill = self._heading(parent, int(tag[1]), given, align)
            case "li":
                frame.fill = self._begin(parent, self._item_kind(parent, given), given, align)
                self._number(frame.fill, parent, given)
                frame.siblings = frame.fill["children"]
            case "ul" | "ol" if parent.tag in {"ul", "ol"} and parent.siblings:
                frame.siblings = parent.siblings[-1]["children"]
            case "blockquote":
                frame.fill = self._begin(parent, "quote", given, align)
                frame.siblings = frame.fill["children"]
            case "details":
                self._open_details(frame, parent, given, align)
            case "summary":
                frame.fill = parent.fill
                parent.fill = None
            case "pre":
                frame.block = self._begin(parent, "codeBlock", given, align)
                if language := _language_of(given):
                    frame.block["props"]["language"] = language
                self._code = []
            case "table":
                self._open_table(frame, parent, given)
            case "figure":
                self._figure = {"props": _figure_props(given, align), "id": given.get("data-id")}
            case "figcaption":
                self._caption = []
            case "img" | "video" | "audio":
                self._media(parent, tag, given)
            case "source":
                self._source(parent, given)
            case "hr":
                self._begin(parent, "divider", given, align)
            case "input":
                self._tick(parent, given)
            case "div" if "data-nested" in given and parent.siblings:
                frame.siblings = parent.siblings[-1]["children"]
        if tag in {"ul", "ol"}:
            self._list_begins(frame, given)
        if tag not in _VOID:
            self._frames.append(frame)

    def _close_block(self, tag: str) -> None:
        while len(self._frames) > 1:
            frame = self._top
            if frame.tag == "pre":
                self._end_of_code(frame)
            elif frame.tag == "figcaption":
                self._end_of_caption()
            elif frame.tag == "figure":
                self._end_of_figure()
            elif frame.tag == "table":
                self._end_of_table(frame)
            else:
                is_text = frame.tag in {"p", "h1", "h2", "h3", "h4", "h5", "h6", "summary"}
                self._flush(is_end_of_paragraph=is_text and frame.fill is not None)
            self._frames.pop()
            if frame.tag in {"ul", "ol"}:
                self._last_list = (frame.siblings, frame.tag)
            if frame.tag == tag:
                return

    def _begin(self, parent: _Frame, kind: str, given: Mapping[str, str], align: str = "") -> Block:
        """A new block among those of the parent, which then waits for no text any more."""
        parent.fill = None
        self._last_list = None if kind not in LISTS else self._last_list
        block = _new_block(kind)
        if given.get("data-id"):
            block["id"] = given["data-id"]
        for prop, attribute in DATA_PROPS.items():
            if prop in block["props"] and given.get(attribute):
                block["props"][prop] = given[attribute]
        if align and "textAlignment" in block["props"]:
            block["props"]["textAlignment"] = align
        parent.siblings.append(block)
        return block

    def _heading(self, parent: _Frame, level: int, given: Mapping[str, str], align: str) -> Block:
        # <details><summary><h2>: the toggle is a heading.
        if parent.tag == "summary" and parent.fill is not None:
            toggle, parent.fill = parent.fill, None
            heading = self._begin(_Frame("", [], keeps_spaces=False), "heading", given, align)
            toggle["type"] = "heading"
            toggle["props"] = heading["props"] | {"isToggleable": True}
            if "id" in heading:
                toggle["id"] = heading["id"]
            block = toggle
        else:
            block = self._begin(parent, "heading", given, align)
        block["props"]["level"] = level
        return block

    def _item_kind(self, parent: _Frame, given: Mapping[str, str]) -> str:
        return "numberedListItem" if parent.tag == "ol" else "bulletListItem"

    def _list_begins(self, frame: _Frame, given: Mapping[str, str]) -> None:
        """Numbers go on through neighbours: a list that begins anew has to say so."""
        frame.block = None
        if frame.tag == "ol":
            start = given.get("start", "")
            follows = self._last_list == (frame.siblings, "ol") if self._last_list else False
            is_number = start.isascii() and start.isdigit() and len(start) < 7
            if is_number and (int(start) != 1 or follows):
                frame.block = {"start": int(start)}
            elif follows:
                frame.block = {"start": 1}

    def _number(self, item: Block, parent: _Frame, given: Mapping[str, str]) -> None:
        if parent.tag == "ol" and parent.block is not None and item["type"] == "numberedListItem":
            item["props"]["start"] = parent.block["start"]
            parent.block = None

    def _tick(self, parent: _Frame, given: Mapping[str, str]) -> None:
        item = parent.fill
        if given.get("type") == "checkbox" and item is not None and item["type"] in LISTS:
            props = {k: v for k, v in item["props"].items() if k in PROPS["checkListItem"]}
            item["type"] = "checkListItem"
            item["props"] = {**props, "checked": "checked" in given}

    def _open_details(
        self, frame: _Frame, parent: _Frame, given: Mapping[str, str], align: str
    ) -> None:
        # <li><details>: the item is the toggle.
        if parent.tag == "li" and parent.fill is not None and not parent.siblings:
            toggle, parent.fill = parent.fill, None
            toggle["type"] = "toggleListItem"
            toggle["props"] = {
                k: v for k, v in toggle["props"].items() if k in PROPS["toggleListItem"]
            }
        else:
            toggle = self._begin(parent, "toggleListItem", given, align)
        frame.fill = toggle
        frame.siblings = toggle["children"]

    # -- Code, media ------------------------------------------------------------------------
    def _end_of_code(self, frame: _Frame) -> None:
        text = "".join(self._code or []).removesuffix("\n")
        self._code = None
        assert frame.block is not None
        frame.block["content"] = [{"type": "text", "text": text, "styles": {}}] if text else []

    def _media(self, parent: _Frame, tag: str, given: Mapping[str, str]) -> None:
        kind = "image" if tag == "img" else tag
        props: dict[str, Any] = {
            "url": given.get("src", ""),
            "name": given.get("alt") or (given.get("title", "") if kind != "image" else ""),
        }
        if kind == "image" and given.get("title"):
            props["caption"] = given["title"]
        width = given.get("width", "")
        if kind != "audio" and re.fullmatch(r"\d{1,5}(\.\d{1,9})?(px)?", width):
            number = float(width.removesuffix("px"))
            props["previewWidth"] = int(number) if number.is_integer() else number
        if self._figure is not None and "type" not in self._figure:
            self._figure |= {**_new_block(kind, **props), "figure": self._figure["props"]}
            return
        if parent.tag == "p" and parent.siblings and parent.fill is parent.siblings[-1]:
            parent.siblings.pop()  # a paragraph that holds nothing but this
        block = self._begin(parent, kind, given, parent.align)
        block["props"] |= props

    def _source(self, parent: _Frame, given: Mapping[str, str]) -> None:
        block = self._figure if self._figure is not None else (parent.siblings or [None])[-1]  # type: ignore[list-item]
        if block is not None and not block.get("props", {}).get("url", "x"):
            block["props"]["url"] = given.get("src", "")

    def _end_of_caption(self) -> None:
        caption = _SPACES_WITH_NEWLINE.sub(" ", "".join(self._caption or [])).strip()
        self._caption = None
        if self._figure is not None and "type" in self._figure:
            self._figure["props"]["caption"] = caption
        elif caption:
            self._runs.append(Run(caption))
            self._flush()

    def _end_of_figure(self) -> None:
        figure, self._figure = self._figure, None
        self._flush()
        if figure is None or "type" not in figure:
            return
        outer = figure.pop("figure", None) or {}
        known = PROPS[figure["type"]]
        figure["props"] |= {name: value for name, value in outer.items() if name in known}
        if not figure["id"]:
            del figure["id"]
        self._last_list = None
        self._top.siblings.append(figure)

    # -- Tables -----------------------------------------------------------------------------
    def _open_table(self, frame: _Frame, parent: _Frame, given: Mapping[str, str]) -> None:
        if self._table is not None:  # a table in a cell: its text
            self._table.depth += 1
            return
        frame.block = self._begin(parent, "table", given)
        self._table = _Table()

    def _table_tag(self, tag: str, given: Mapping[str, str]) -> None:
        table = self._table
        assert table is not None
        style = _style_of(given)
        if table.depth or tag not in {
            "thead",
            "tr",
            "td",
            "th",
            "col",
            "colgroup",
            "tbody",
            "tfoot",
        }:
            if tag == "img":
                self._text(given.get("alt", ""))
            elif self._runs and tag != "input" and not self._runs[-1].text.endswith("\n"):
                self._text("\n")
            return
        match tag:
            case "thead":
                table.is_head = True
            case "tr":
                table.rows.append([])
            case "td" | "th":
                if not table.rows:
                    table.rows.append([])
                align = style.get("text-align") or given.get("align", "")
                table.rows[-1].append(_cell_props(tag, given, align))
                self._runs = []
                self._frames.append(
                    _Frame(tag, [], keeps_spaces=_keeps_spaces(style, self._top.keeps_spaces))
                )
            case "col":
                width = style.get("width", given.get("width", "")).strip().removesuffix("px")
                is_number = re.fullmatch(r"\d{1,5}(\.\d{1,9})?", width)
                number = float(width) if is_number else None
                span = given.get("span", "1")
                count = min(int(span), 100) if span.isascii() and span.isdigit() else 1
                table.widths += [
                    int(number) if number is not None and number.is_integer() else number
                ] * count

    def _end_of_table_tag(self, tag: str) -> None:
        table = self._table
        assert table is not None
        if not table.depth and tag in {"td", "th"} and self._top.tag == tag:
            runs, self._runs = self._runs, []
            table.rows[-1][-1]["content"] = self._trimmed(runs)
            self._frames.pop()
        elif (
            self._runs
            and tag in {"p", "div", "li", "tr"}
            and not self._runs[-1].text.endswith("\n")
        ):
            self._text("\n")

    def _end_of_table(self, frame: _Frame) -> None:
        table = self._table
        assert table is not None
        if table.depth:
            table.depth -= 1
            return
        self._table = None
        assert frame.block is not None
        rows = [row for row in table.rows if row]
        if not rows:
            frame.siblings.remove(frame.block)
            return
        frame.block["content"] = table.content(rows)


class _Table:
    """A table that is being read; ``depth`` counts tables inside its cells."""

    def __init__(self) -> None:
        self.rows: list[list[dict[str, Any]]] = []
        self.widths: list[float | None] = []
        self.is_head = False
        self.depth = 0

    def content(self, rows: Sequence[Sequence[dict[str, Any]]]) -> dict[str, Any]:
        header_rows = 0
        while header_rows < len(rows) and all(cell["is_header"] for cell in rows[header_rows]):
            header_rows += 1
        body = rows[header_rows:]
        header_cols = 0
        while body and all(
            len(row) > header_cols and row[header_cols]["is_header"] for row in body
        ):
            header_cols += 1
        # Markdown cannot do without a head; an empty one stands for none.
        if header_rows == 1 and len(rows) > 1 and not any(cell["content"] for cell in rows[0]):
            rows, header_rows = rows[1:], 0
        columns = sum(cell["props"].get("colspan", 1) for cell in rows[0])
        content: dict[str, Any] = {
            "type": "tableContent",
            "columnWidths": [*self.widths, *[None] * columns][:columns],
            "rows": [{"cells": [_cell(cell) for cell in row]} for row in rows],
        }
        if header_rows:
            content["headerRows"] = header_rows
        if header_cols:
            content["headerCols"] = header_cols
        return content


def _cell_props(tag: str, given: Mapping[str, str], align: str) -> dict[str, Any]:
    props: dict[str, Any] = {}
    for name in ("colspan", "rowspan"):
        if given.get(name, "").isascii() and given.get(name, "").isdigit():
            props[name] = min(max(int(given[name][:6]), 1), MAX_SPAN)  # as browsers do
    for prop, attribute in DATA_PROPS.items():
        if value := given.get(attribute):
            props[prop] = value
    if align in _ALIGNMENTS:
        props["textAlignment"] = align
    return {"is_header": tag == "th", "props": props, "content": []}


def _cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "tableCell", "props": cell["props"], "content": cell["content"]}


# -- Small things ---------------------------------------------------------------------------
def _style_of(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in _DECLARATION.findall(given.get("style", ""))}


def _marks_of(style: Mapping[str, str]) -> dict[str, Any]:
    """Marks by style, as Google Docs has them; None for one that a style takes away."""
    marks: dict[str, Any] = {}
    weight = style.get("font-weight", "")
    if weight in {"bold", "bolder"} or (weight.isdigit() and int(weight) >= 600):
        marks["bold"] = {}
    elif weight:
        marks["bold"] = None
    if (slant := style.get("font-style")) is not None:
        marks["italic"] = {} if slant in {"italic", "oblique"} else None
    lines = style.get("text-decoration", "") + style.get("text-decoration-line", "")
    if "underline" in lines:
        marks["underline"] = {}
    if "line-through" in lines:
        marks["strike"] = {}
    return marks


def _keeps_spaces(style: Mapping[str, str], inherited: bool) -> bool:
    rule = style.get("white-space")
    return inherited if rule is None else rule.startswith(("pre", "break-spaces"))


def _language_of(given: Mapping[str, str]) -> str:
    found = _LANGUAGE.search(given.get("class", ""))
    return found[1] if found else given.get("lang", "") or given.get("data-language", "")


def _figure_props(given: Mapping[str, str], align: str) -> dict[str, Any]:
    props: dict[str, Any] = {}
    if align:
        props["textAlignment"] = align
    if background := given.get("data-background-color"):
        props["backgroundColor"] = background
    if given.get("data-show-preview") == "false":
        props["showPreview"] = False
    return props

"""HTML: semantic, safe to embed, and read back without loss.

Written with ``data-`` attributes for what HTML has no word for (block ids, named colours).
``html_reader`` reads it, and any other HTML. Iterative.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from documents.formats.blocks import TABLE, Block
from documents.formats.inline import Inline, runs_of
from documents.formats.links import is_safe_link

_TAG_OF_MARK = {
    "bold": "strong",
    "italic": "em",
    "underline": "u",
    "strike": "s",
    "code": "code",
}
_MARK_ORDER = [
    "link",
    "textColor",
    "backgroundColor",
    "bold",
    "italic",
    "underline",
    "strike",
    "code",
]
DATA_PROPS = {"textColor": "data-text-color", "backgroundColor": "data-background-color"}
LISTS = {
    "bulletListItem": "ul",
    "numberedListItem": "ol",
    "checkListItem": "ul",
    "toggleListItem": "ul",
}
_SIGNIFICANT_SPACE = re.compile(r"^[ \t]|[ \t]$|[ \t]{2}|\t|\n[ \t]|[ \t]\n")


def to_html(blocks: Sequence[Block], *, ids: bool = True) -> str:
    """An HTML fragment. ``ids``: with every block's id, so that it can be put back exactly."""
    out: list[str] = []
    todo: list[str | tuple[Block, bool]] = list(reversed(list(_grouped(blocks))))
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        block, is_item = item
        opening, closing = _around_children(block, ids, is_item)
        out.append(opening)
        todo.append(closing)
        todo += reversed(list(_grouped(block.get("children") or [])))
    return "".join(out)


def _grouped(blocks: Sequence[Block]) -> Iterator[str | tuple[Block, bool]]:
    """Blocks, with the tags of the lists that neighbours of one kind form."""
    within = ""
    for block in blocks:
        kind = block["type"]
        restarts = "start" in block["props"]
        if within and (kind != within or restarts):
            yield f"</{LISTS[within]}>"
            within = ""
        if kind in LISTS and not within:
            within = kind
            start = block["props"].get("start", 1)
            yield f'<ol start="{start}">' if restarts and start != 1 else f"<{LISTS[kind]}>"
        yield block, bool(within)
    if within:
        yield f"</{LISTS[within]}>"


def _around_children(block: Block, ids: bool, is_item: bool) -> tuple[str, str]:
    """What comes before and what after the nested blocks."""
    kind, props = block["type"], block["props"]
    attributes = _attributes_of(block, ids)
    inline = block.get("content")
    match kind:
        case "bulletListItem" | "numberedListItem":
            return f"<li{attributes}>{_item_text(block)}", "</li>"
        case "checkListItem":
            checked = " checked" if props.get("checked") else ""
            box = f'<input type="checkbox" disabled{checked}>'
            return f"<li{attributes}>{box}{_item_text(block)}", "</li>"
        case "toggleListItem":
            text = inline_html(inline)
            opening = f"<li{attributes}><details><summary>{text}</summary>"
            return opening, "</details></li>"
        case "heading" if props.get("isToggleable"):
            heading = f"<h{props['level']}{attributes}>{inline_html(inline)}</h{props['level']}>"
            return f"<details><summary>{heading}</summary>", "</details>"
        case "quote":
            # Its first paragraph is its text.
            return f"<blockquote{attributes}><p>{inline_html(inline)}</p>", "</blockquote>"
    opening = _leaf_html(block, attributes)
    if block.get("children"):
        return f"{opening}<div data-nested>", "</div>"
    return opening, ""


def _item_text(block: Block) -> str:
    text = inline_html(block.get("content"))
    # Or the first nested paragraph would be taken for it.
    return text if text or not block.get("children") else "<p></p>"


def _leaf_html(block: Block, attributes: str) -> str:
    kind, props, inline = block["type"], block["props"], block.get("content")
    match kind:
        case "heading":
            return f"<h{props['level']}{attributes}>{inline_html(inline)}</h{props['level']}>"
        case "codeBlock":
            text = "".join(run.text for run in runs_of(inline))
            language = escape(props.get("language") or "text")
            text += "\n" if text.endswith("\n") else ""  # the last one is layout
            code = f'<code class="language-{language}">{escape(text, quote=False)}</code>'
            return f"<pre{attributes}>{code}</pre>"
        case "divider":
            return f"<hr{attributes}>"
        case "table":
            return _table_html(block["content"], attributes)
        case "image" | "video" | "audio" | "file":
            return _media_html(kind, props, attributes)
    return f"<p{attributes}>{inline_html(inline)}</p>"


def _attributes_of(block: Block, ids: bool) -> str:
    props = block["props"]
    found: dict[str, Any] = {"data-id": block["id"]} if ids and block.get("id") else {}
    found |= _colours(props)
    if (alignment := props.get("textAlignment", "left")) != "left":
        found["style"] = f"text-align: {alignment}"
    if _SIGNIFICANT_SPACE.search("".join(run.text for run in runs_of(_text_of(block)))):
        found["style"] = "; ".join(filter(None, [found.get("style"), "white-space: pre-wrap"]))
    if props.get("showPreview") is False:
        found["data-show-preview"] = "false"
    return _written(found)


def _text_of(block: Block) -> Inline:
    return [] if block["type"] in {TABLE, "codeBlock"} else block.get("content") or []


def _colours(props: Mapping[str, Any]) -> dict[str, Any]:
    return {
        attribute: props[prop]
        for prop, attribute in DATA_PROPS.items()
        if props.get(prop, "default") != "default"
    }


def _written(attributes: Mapping[str, Any]) -> str:
    return "".join(f' {name}="{escape(str(value))}"' for name, value in attributes.items())


def inline_html(inline: Any) -> str:
    """Inline content as tags; equal marks of neighbours are one tag."""
    out: list[str] = []
    open_marks: list[tuple[str, Any]] = []
    for run in runs_of(inline):
        wanted = [(name, run.marks[name]) for name in _MARK_ORDER if name in run.marks]
        common = 0
        while common < min(len(wanted), len(open_marks)) and wanted[common] == open_marks[common]:
            common += 1
        out += [_closing_tag(name) for name, _ in reversed(open_marks[common:])]
        out += [_opening_tag(name, value) for name, value in wanted[common:]]
        open_marks = wanted
        out.append(escape(run.text, quote=False).replace("\n", "<br>"))
    out += [_closing_tag(name) for name, _ in reversed(open_marks)]
    if out and run.text.endswith("\n"):
        out.append("<br>")  # browsers do not show the last one
    return "".join(out)


def _opening_tag(mark: str, value: Any) -> str:
    if mark == "link":
        # Whoever could write into the document may have chosen it.
        href = value["href"] if is_safe_link(value["href"]) else ""
        return f'<a href="{escape(href)}" rel="noopener noreferrer nofollow">'
    if mark in DATA_PROPS:
        return f'<span {DATA_PROPS[mark]}="{escape(str(value["stringValue"]))}">'
    return f"<{_TAG_OF_MARK[mark]}>"


def _closing_tag(mark: str) -> str:
    return "</a>" if mark == "link" else f"</{_TAG_OF_MARK.get(mark, 'span')}>"


def _media_html(kind: str, props: Mapping[str, Any], attributes: str) -> str:
    url = props["url"] if is_safe_link(props["url"]) else ""
    found = {"src": url}
    if (width := props.get("previewWidth")) is not None:
        found["width"] = f"{width:g}"
    match kind:
        case "image":
            media = f"<img{_written({**found, 'alt': props['name']})}>"
        case "file":
            name = escape(props["name"])
            media = f'<a href="{escape(url)}" download="{name}">{name}</a>'
        case _:
            media = f"<{kind} controls{_written({**found, 'title': props['name']})}></{kind}>"
    caption = f"<figcaption>{escape(props['caption'])}</figcaption>" if props["caption"] else ""
    return f"<figure{attributes}>{media}{caption}</figure>"


def _table_html(content: Mapping[str, Any], attributes: str) -> str:
    rows = content.get("rows") or []
    header_rows, header_cols = content.get("headerRows") or 0, content.get("headerCols") or 0
    widths = content.get("columnWidths") or []
    columns = "".join(
        "<col>" if width is None else f'<col style="width: {width:g}px">' for width in widths
    )
    out = [f"<table{attributes}>"]
    if any(width is not None for width in widths):
        out.append(f"<colgroup>{columns}</colgroup>")
    for y, row in enumerate(rows):
        if y == 0 and header_rows:
            out.append("<thead>")
        if y == header_rows:
            out.append("<tbody>")
        cells = [
            _cell_html(cell, y < header_rows or x < header_cols, is_row=y >= header_rows)
            for x, cell in enumerate(row["cells"])
        ]
        out.append(f"<tr>{''.join(cells)}</tr>")
        if y + 1 == header_rows:
            out.append("</thead>")
    if len(rows) > header_rows:
        out.append("</tbody>")
    out.append("</table>")
    return "".join(out)


def _cell_html(cell: Mapping[str, Any], is_header: bool, *, is_row: bool) -> str:
    props = cell["props"]
    found: dict[str, Any] = {
        name: props[name] for name in ("colspan", "rowspan") if props.get(name, 1) != 1
    }
    found |= _colours(props)
    styles = []
    if props.get("textAlignment", "left") != "left":
        styles.append(f"text-align: {props['textAlignment']}")
    if _SIGNIFICANT_SPACE.search("".join(run.text for run in runs_of(cell["content"]))):
        styles.append("white-space: pre-wrap")
    if styles:
        found["style"] = "; ".join(styles)
    if is_header and is_row:
        found["scope"] = "row"
    tag = "th" if is_header else "td"
    return f"<{tag}{_written(found)}>{inline_html(cell['content'])}</{tag}>"

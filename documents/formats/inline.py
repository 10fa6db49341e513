"""Inline content: the styled texts and links of a block, as JSON, as nodes and as runs.

``{"type": "text", "text", "styles"}`` or ``{"type": "link", "href", "content": [texts]}``;
a line break is a newline in the text. Source: BlockNote 0.55, ``api/nodeConversions``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from collab.errors import CollabError
from documents.formats.links import is_safe_link
from documents.formats.nodes import BREAK, Element, Marks, Node, Run, Text, plain_text

Inline = list[dict[str, Any]]

SWITCHES = frozenset({"bold", "italic", "underline", "strike", "code"})
VALUES = frozenset({"textColor", "backgroundColor"})
_LINK = "link"
# Marks that blocks show. Others (comments) belong to the text and stay with it.
SHOWN_MARKS = SWITCHES | VALUES | {_LINK}


class InvalidContent(CollabError):
    """Content that the editor's schema does not allow."""

    close_code, status, code = 4400, 422, "invalid-content"


# -- Nodes → JSON ---------------------------------------------------------------------------
def inline_of(children: Iterable[Node]) -> Inline:
    """Texts and breaks as inline content; neighbours that look the same are one."""
    inline: Inline = []
    for text, styles, href in _styled(children):
        target = inline
        if href is not None:
            if not inline or inline[-1]["type"] != "link" or inline[-1]["href"] != href:
                inline.append({"type": "link", "href": href, "content": []})
            target = inline[-1]["content"]
        if target and target[-1]["type"] == "text" and target[-1]["styles"] == styles:
            target[-1]["text"] += text
        else:
            target.append({"type": "text", "text": text, "styles": styles})
    return inline


def _styled(children: Iterable[Node]) -> Iterator[tuple[str, dict[str, Any], str | None]]:
    """(text, styles, link): a break is a newline in the style of what comes before it."""
    styles: dict[str, Any] = {}
    href: str | None = None
    for child in children:
        if isinstance(child, Element):
            text = "\n" if child.tag == BREAK else plain_text(child)
            if text:
                yield text, styles, href
            continue
        for run in child.runs:
            styles, href = _styles_of(run.marks), _href_of(run.marks)
            yield run.text, styles, href


def _href_of(marks: Marks) -> str | None:
    link = marks.get(_LINK)
    return str(link.get("href") or "") if isinstance(link, Mapping) else None


def _styles_of(marks: Marks) -> dict[str, Any]:
    styles: dict[str, Any] = {}
    for name in sorted(marks.keys() & (SWITCHES | VALUES)):
        if name in SWITCHES:
            styles[name] = True
        elif isinstance(value := marks[name], Mapping):
            styles[name] = str(value.get("stringValue") or "default")
    return styles


def inline_from(runs: Sequence[Run]) -> Inline:
    """Runs, in which a break is a newline, as inline content."""
    return inline_of([Text([run for run in runs if run.text])])


# -- JSON → nodes ---------------------------------------------------------------------------
def runs_of(inline: Any) -> list[Run]:
    """Inline content as runs, in which a break is a newline. Raises InvalidContent."""
    nodes = inline_nodes(inline or [], "content", keeps_newlines=True)
    return [run for node in nodes if isinstance(node, Text) for run in node.runs]


def inline_nodes(content: Any, at: str, *, keeps_newlines: bool = False) -> list[Node]:
    """Inline content as texts, with a break for each newline. Raises InvalidContent."""
    nodes: list[Node] = []
    for text, marks in _runs(content, at):
        pieces = [text] if keeps_newlines else text.split("\n")
        for number, piece in enumerate(pieces):
            if number > 0:
                nodes.append(Element(BREAK))
            if not piece:
                continue
            if not nodes or isinstance(nodes[-1], Element):
                nodes.append(Text())
            last = nodes[-1]
            assert isinstance(last, Text)
            if last.runs and last.runs[-1].marks == marks:
                last.runs[-1] = Run(last.runs[-1].text + piece, marks)
            else:
                last.runs.append(Run(piece, marks))
    return nodes


def _runs(content: Any, at: str) -> Iterator[tuple[str, Marks]]:
    """Inline content, flat: (text, marks as formatting attributes)."""
    if isinstance(content, str):
        yield check_text(content, at), {}
        return
    if not isinstance(content, Sequence):
        raise InvalidContent(f"{at}: must be a text or a list")
    for number, item in enumerate(content):
        here = f"{at}[{number}]"
        match item:
            case str():
                yield check_text(item, here), {}
            case {"type": "text", "text": text}:
                yield check_text(text, f"{here}.text"), _marks(item.get("styles"), here)
            case {"type": "link", "href": str(href)}:
                # A link that would run something is left out; its text is not.
                is_safe = is_safe_link(check_text(href, f"{here}.href"))
                link = {_LINK: {"href": href}} if is_safe else {}
                for text, marks in _link_runs(item.get("content"), here):
                    yield text, {**marks, **link}
            case _:
                raise InvalidContent(f"{here}: inline content is a text or a link")


def _link_runs(content: Any, at: str) -> Iterator[tuple[str, Marks]]:
    if isinstance(content, Sequence) and not isinstance(content, str):
        for each in content:
            if isinstance(each, Mapping) and each.get("type") != "text":
                raise InvalidContent(f"{at}.content: a link holds text alone")
    return _runs(content or "", f"{at}.content")


def _marks(styles: Any, at: str) -> dict[str, Any]:
    if styles is None:
        return {}
    if not isinstance(styles, Mapping):
        raise InvalidContent(f"{at}.styles: must be an object")
    marks: dict[str, Any] = {}
    for name, value in styles.items():
        if name in SWITCHES:
            if not isinstance(value, bool):
                raise InvalidContent(f"{at}.styles.{name}: true or false")
            if value:
                marks[name] = {}
        elif name in VALUES:
            if check_text(value, f"{at}.styles.{name}") != "default":
                marks[name] = {"stringValue": value}
        else:
            raise InvalidContent(f"{at}.styles: no text style {name!r}")
    return marks


def check_text(text: Any, at: str) -> str:
    if not isinstance(text, str):
        raise InvalidContent(f"{at}: must be a text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidContent(f"{at}: holds half a character (a lone surrogate)") from None
    return text

"""The smallest edit that makes a live fragment say what a tree of nodes says.

What stays the same is not touched, so that carets, selections and comments survive. Blocks are
the same if they have the same id (``align`` gives new content the ids of what it replaces).
Marks that blocks do not show (comments) stay on the text that stays. Iterative.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pycrdt import Doc, XmlElement, XmlFragment, XmlText

from documents.formats.blocks import Block, block_of, from_blocks, is_content, to_blocks
from documents.formats.inline import SHOWN_MARKS
from documents.formats.nodes import (
    Element,
    Marks,
    Node,
    Run,
    Text,
    plain_text,
    side_by_side,
    slice_runs,
)
from documents.formats.schema import SCHEMA
from documents.formats.text_changes import kept_pairs, text_changes
from documents.formats.tree import content_of, insert_node, read_children, write_runs

# Of one text, to be changed one by one: yrs walks over all that is before each of them.
_MAX_PIECES = 5_000
_DEFAULTS: dict[str, dict[str, Any]] = {
    name: node["attributes"] for name, node in SCHEMA["nodes"].items()
}


def update_for(
    state: bytes, change: Callable[[list[Block]], list[Block]], *, client_id: int
) -> bytes:
    """The update that makes of a document in this state what ``change`` makes of its blocks.

    Empty if that is the same. Raises InvalidContent, and what ``change`` does.
    """
    doc: Doc[Any] = Doc(client_id=client_id)
    doc.apply_update(state)
    fragment = content_of(doc)
    current = read_children(fragment)
    target = from_blocks(change(to_blocks(current)))
    made: list[bytes] = []
    watching = doc.observe(lambda event: made.append(event.update))
    with doc.transaction():
        rewrite(fragment, current, target)
    doc.unobserve(watching)
    return made[0] if made else b"\x00\x00"


def rewrite(fragment: XmlFragment, current: Sequence[Node], target: Element) -> None:
    """Make the fragment's content ``target``, a ``blockGroup``; inside a transaction.

    ``current``: the fragment's nodes, as ``read_children`` has just read them.
    """
    todo: list[tuple[XmlFragment | XmlElement, Sequence[Node], Sequence[Node]]]
    todo = [(fragment, current, [target])]
    while todo:
        parent, old, new = todo.pop()
        if old == new:
            continue
        kept = {} if _is_text_of_many_pieces(old, new) else dict(_pairs(old, new))
        places = list(parent.children) if kept else []
        for place, new_place in kept.items():
            todo += _rewrite_node(places[place], old[place], new[new_place])
        # As few steps as can be, and the last ones first: yrs walks over all before the place.
        for start, end in reversed(list(_between(kept, len(old)))):
            del parent.children[start:end]
        for start, end in _between(kept.values(), len(new)):
            for node in reversed(new[start:end]):
                insert_node(parent, start, node)


def _is_text_of_many_pieces(old: Sequence[Node], new: Sequence[Node]) -> bool:
    return len(old) + len(new) > _MAX_PIECES and any(isinstance(node, Text) for node in old)


def _between(places: Iterable[int], length: int) -> Iterator[tuple[int, int]]:
    """From where to before where there is none of these places."""
    start = 0
    for place in [*sorted(places), length]:
        if start < place:
            yield start, place
        start = place + 1


def _rewrite_node(
    live: XmlElement | XmlText | XmlFragment, old: Node, new: Node
) -> Iterator[tuple[XmlElement, Sequence[Node], Sequence[Node]]]:
    """Make one node like another of its kind; yields the children that are still to be."""
    if isinstance(old, Text):
        assert isinstance(new, Text)
        assert isinstance(live, XmlText)
        _rewrite_text(live, old, new)
        return
    assert isinstance(new, Element)
    assert isinstance(live, XmlElement)
    defaults = _DEFAULTS.get(new.tag, {})
    for name in {**defaults, **new.attributes}:
        value = new.attributes.get(name, defaults.get(name))
        if old.attributes.get(name, defaults.get(name)) == value:
            continue
        if value is None:
            del live.attributes[name]
        else:
            live.attributes[name] = value
    yield live, old.children, _wanted_children(old, new)


def _wanted_children(old: Element, new: Element) -> Sequence[Node]:
    """The children that ``old`` should have; of a block that says the same, those it has.

    Editors say one thing in several ways: two texts side by side, a newline or a break.
    """
    if old.tag != "blockContainer" or block_of(old) != block_of(new):
        return new.children
    content = [child for child in old.children if is_content(child)]
    return [*content, *(child for child in new.children if not is_content(child))]


def _pairs(old: Sequence[Node], new: Sequence[Node]) -> Iterator[tuple[int, int]]:
    """Which child becomes which, in order: the same ones, then between them those of one kind."""
    anchors = list(kept_pairs([_key(node) for node in old], [_key(node) for node in new]))
    yield from anchors
    start, new_start = 0, 0
    for end, new_end in [*anchors, (len(old), len(new))]:
        # Another block is not this one changed: its id says so.
        left = [place for place in range(start, end) if not _is_block(old[place])]
        for new_place in range(new_start, new_end):
            kind = _kind(new[new_place])
            found = next((n for n, place in enumerate(left) if _kind(old[place]) == kind), None)
            if found is not None:
                yield left[found], new_place
                del left[: found + 1]
        start, new_start = end + 1, new_end + 1


def _key(node: Node) -> tuple[str, str]:
    match node:
        case Text():
            return "", node.plain
        case Element("blockContainer"):
            return node.tag, str(node.attributes.get("id"))
        case Element("blockGroup"):
            return node.tag, ""
    return node.tag, plain_text(node)


def _kind(node: Node) -> str:
    return "" if isinstance(node, Text) else node.tag


def _is_block(node: Node) -> bool:
    return _kind(node) == "blockContainer"


# -- Text -----------------------------------------------------------------------------------
def _rewrite_text(live: XmlText, old: Text, new: Text) -> None:
    if _shown(old) == new.runs:
        return
    old_plain = old.plain
    offsets = _byte_offsets(old_plain)
    if len(old.runs) + len(new.runs) > _MAX_PIECES:
        del live[0 : offsets[-1]]
        write_runs(live, 0, new.runs)
        return
    # From the end, so that the offsets before stay true.
    for change in reversed(text_changes(old_plain, new.plain)):
        wanted = slice_runs(new.runs, change.new_start, change.new_end)
        if change.is_same:
            had = slice_runs(old.runs, change.start, change.end)
            for start, end, marks in _reformatted(had, wanted, change.start):
                live.format(offsets[start], offsets[end], marks)
            continue
        if change.end > change.start:
            del live[offsets[change.start] : offsets[change.end]]
        write_runs(live, offsets[change.start], wanted)


def _shown(text: Text) -> list[Run]:
    return [Run(run.text, _shown_marks(run.marks)) for run in text.runs]


def _shown_marks(marks: Marks) -> dict[str, Any]:
    return {name: value for name, value in marks.items() if name in SHOWN_MARKS}


def _byte_offsets(text: str) -> list[int]:
    """Where each character begins, in UTF-8 bytes; one more than there are characters."""
    offsets, at = [0], 0
    for character in text:
        at += len(character.encode())
        offsets.append(at)
    return offsets


def _reformatted(
    old: Sequence[Run], new: Sequence[Run], start: int
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Where kept text has other marks than it should, in characters from ``start`` on."""
    for text, had, wanted in side_by_side(old, new):
        end = start + len(text)
        shown = _shown_marks(had)
        changed: dict[str, Any] = {name: None for name in shown if name not in wanted}
        changed |= {name: value for name, value in wanted.items() if shown.get(name) != value}
        if changed:
            yield start, end, changed
        start = end

"""Cutting a big update into several, so that each fits into one frame.

For updates that we encoded ourselves. Applied in order, the parts say what the whole said.
"""

from collections.abc import Iterator

from collab.lib0 import write_var_uint
from documents.sync.guard import Ranges, Scanner

_NOTHING = b"\x00"  # no clients: of structs, or of deletions
_STRUCT_HEADER_BYTES = 24  # number of structs, client id and clock, at their longest


class _StructFinder(Scanner):
    """Notes where each struct begins and ends."""

    __slots__ = ("structs",)

    def __init__(self, update: bytes) -> None:
        super().__init__(update, max_depth=1000)
        self.structs: list[tuple[int, int, int, int]] = []  # client, clock, start, end

    def struct(self, client: int, clock: int) -> int:
        start = self.pos
        length = super().struct(client, clock)
        self.structs.append((client, clock, start, self.pos))
        return length


def split_update(update: bytes, max_bytes: int) -> list[bytes]:
    """Parts of at most ``max_bytes``, deletions last; a single bigger struct stands alone."""
    if len(update) <= max_bytes:
        return [update]
    finder = _StructFinder(update)
    finder.scan()
    parts = [structs + _NOTHING for structs in _struct_parts(finder, max_bytes)]
    deletes = update[finder.deletes_from :]
    if len(deletes) < max_bytes:
        return [*parts, _NOTHING + deletes]
    return [*parts, *(_NOTHING + part for part in _delete_parts(finder.deletes, max_bytes))]


def _struct_parts(finder: _StructFinder, max_bytes: int) -> Iterator[bytes]:
    """Runs of neighbouring structs of one client."""
    run: list[tuple[int, int, int, int]] = []
    for struct in finder.structs:
        client, _, _, end = struct
        if run and (client != run[0][0] or end - run[0][2] + _STRUCT_HEADER_BYTES > max_bytes):
            yield _encode_run(finder.buf, run)
            run = []
        run.append(struct)
    if run:
        yield _encode_run(finder.buf, run)


def _encode_run(buf: bytes, run: list[tuple[int, int, int, int]]) -> bytes:
    client, clock, start, _ = run[0]
    end = run[-1][3]
    head = (1, len(run), client, clock)
    return b"".join(map(write_var_uint, head)) + buf[start:end]


def _delete_parts(deletes: Ranges, max_bytes: int) -> Iterator[bytes]:
    ranges_each = max(1, max_bytes // 16)
    for client, ranges in deletes.items():
        for first in range(0, len(ranges), ranges_each):
            some = ranges[first : first + ranges_each]
            head = (1, client, len(some))
            yield b"".join(map(write_var_uint, (*head, *(n for pair in some for n in pair))))

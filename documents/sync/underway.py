"""The update under way: remembered outside the process, in case it ends the process.

pycrdt can be killed or stalled by bytes that nobody has thought of yet, and nothing inside
the process can catch that. So each update is noted in a mapped file while pycrdt works on it
(a microsecond), and after a crash or a stall the next process finds it there. A process that
was merely killed leaves no traceback beside it, and nothing is blamed for that. What several
have typed is taken up together and not noted, lest they be blamed for one another: after a
crash everybody's edits are taken one by one for a while, and if it comes again, that shows whose.
"""

import faulthandler
import logging
import mmap
import struct
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import monotonic
from uuid import UUID

logger = logging.getLogger(__name__)

_HEADER = struct.Struct("<?16sI")  # whether something is under way, document, length
_CAREFUL_FOR_S = 600.0
_TRACEBACK_LINES = 400  # of all threads; the one that matters can be any of them


@dataclass(frozen=True, slots=True)
class Suspect:
    """What a process was working on when it crashed or stalled."""

    document_id: UUID
    update: bytes
    traceback: str


class Underway:
    """One process's notes in ``directory``, under a name that its successor has too.

    Without a directory it notes nothing.
    """

    def __init__(self, directory: Path | None, name: str, *, max_bytes: int) -> None:
        self._pages: list[_Page] = []
        self.suspects: list[Suspect] = []
        self._careful_until = 0.0
        if directory is None:
            return
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds what people write
            self._fatal = (directory / f"fatal-{name}.txt").open("a+b")
            # One for the event loop, one for a thread: large updates are checked in threads.
            pages = [_Page(directory / f"underway-{name}-{n}", max_bytes) for n in range(2)]
        except OSError as error:
            logger.warning("nothing is noted", extra={"error": str(error)})
            return
        self._pages = pages
        self.suspects = self._look_back()

    def _look_back(self) -> list[Suspect]:
        """What the process before us left, if it did not end by a signal or by itself."""
        self._fatal.seek(0)
        lines = self._fatal.read().decode(errors="replace").splitlines()[:_TRACEBACK_LINES]
        self._fatal.truncate(0)
        left = [page.tear_out() for page in self._pages]
        if not lines:
            return []
        self.beware()
        traceback = "\n".join(lines)
        logger.error("the process before this one crashed or stalled:\n%s", traceback)
        return [Suspect(*noted, traceback) for noted in left if noted is not None]

    @property
    def is_careful(self) -> bool:
        """Whether a process or a replica broke lately: then every edit is to be noted."""
        return monotonic() < self._careful_until

    def beware(self) -> None:
        """Be careful for a while: what several have typed broke a replica."""
        self._careful_until = monotonic() + _CAREFUL_FOR_S

    def watch(self) -> None:
        """Have crashes leave a traceback."""
        if self._pages:
            faulthandler.enable(self._fatal)

    def expect_life_sign(self, within_s: float) -> None:
        """End the process, with a traceback, unless this is called again within so long.

        A thread of C does it: pycrdt may hold the interpreter for ever.
        """
        if self._pages:
            faulthandler.dump_traceback_later(within_s, exit=True, file=self._fatal)
        else:
            faulthandler.dump_traceback_later(within_s, exit=True)

    def note(self, document_id: UUID, update: bytes) -> AbstractContextManager[None]:
        """While pycrdt works on this update. One at a time on each page; beyond that, unnoted."""
        for page in self._pages:
            if page.take(document_id, update):
                return page
        return _UNNOTED


class _Page(AbstractContextManager[None]):
    """One mapped file. Sparse: it takes the room of the largest update so far."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = Lock()
        size = _HEADER.size + max_bytes
        with path.open("a+b") as file:
            file.truncate(size)
            self._bytes = mmap.mmap(file.fileno(), size)

    def take(self, document_id: UUID, update: bytes) -> bool:
        """Write it down, if nothing else stands here and it fits."""
        if len(update) > self._max_bytes or not self._lock.acquire(blocking=False):
            return False
        self._bytes[_HEADER.size : _HEADER.size + len(update)] = update
        _HEADER.pack_into(self._bytes, 0, True, document_id.bytes, len(update))
        return True

    def __exit__(self, *_: object) -> None:
        self._bytes[0] = 0
        self._lock.release()

    def tear_out(self) -> tuple[UUID, bytes] | None:
        """What stands here, which then stands here no longer."""
        is_busy, document, length = _HEADER.unpack_from(self._bytes)
        self._bytes[0] = 0
        if not is_busy:
            return None
        return UUID(bytes=document), self._bytes[_HEADER.size : _HEADER.size + length]


_UNNOTED = nullcontext()
NOTED_NOWHERE = Underway(None, "", max_bytes=0)

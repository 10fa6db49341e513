"""The C library's heap, of which glibc would make one for each thread (``mallopt(3)``)."""

import ctypes
import os

_M_ARENA_MAX = -8  # malloc.h


def use_one_heap() -> None:
    """Have all threads take memory from one heap, and give it back there.

    A large update is checked in a thread and applied in another: with a heap for each, what the
    first has freed is of no use to the second, and stays with the process (80 MB more for a
    document of 5 MB, measured). They seldom wait for each other, since most of what they do is
    done under Python's lock. To be called before there are threads. Does nothing where
    ``MALLOC_ARENA_MAX`` says what is wanted, or the C library is another.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_M_ARENA_MAX, 1)

"""The C library's heap, of which glibc would make one for each thread (``mallopt(3)``)."""

import ctypes

_M_ARENA_MAX = -8  # malloc.h


def use_one_heap() -> None:
    """Have all threads take memory from one heap, and give it back there.

    A large update is checked in a thread and applied in another: with a heap for each, what the
    first has freed is of no use to the second, and stays with the process (80 MB more for a
    document of 5 MB, measured). They hardly ever wait for each other: Python's lock has them take
    turns already. To be called before there are threads. Nothing where the C library is another.
    """
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_M_ARENA_MAX, 1)

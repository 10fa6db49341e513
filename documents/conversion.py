"""Where content is converted and whole states are merged: a few threads for nothing else.

Not the loop's own pool, nor the database's: what takes long here must hold up nothing there.
They are shared fairly by those who ask, and what several ask for is done once, when the first of
them has their turn. What is not done in time is given up and answered with 503. What has begun
cannot be stopped: it keeps its thread until it ends, so that no more than a few are ever under
way.
"""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from django.conf import settings

from collab.accounts.principal import Principal
from collab.errors import Unavailable
from collab.shares import SharedThreads
from documents.sync.panics import panics_as_errors

P = ParamSpec("P")
T = TypeVar("T")

_GUESTS = "guests"


def _share(asker: str) -> int:
    """Of four: whoever is a user and a guest at once leaves one for everybody else."""
    return 1 if asker == _GUESTS else 2


_THREADS = SharedThreads("conversion", threads=4, share=_share, most_of_one=32, most=256)


@dataclass(slots=True)
class _Wanted:
    """Something that several want: each of ``askers`` has asked for it in their own turn."""

    result: "Future[Any]" = field(default_factory=Future)
    askers: set[str] = field(default_factory=set)

    @property
    def has_begun(self) -> bool:
        return self.result.running() or self.result.done()


_wanted: dict[Hashable, _Wanted] = {}
_wanted_lock = Lock()


def convert(asker: Principal, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Have it done there, and wait. Raises Unavailable if that takes too long, TooManyRequests."""
    future = _submit(asker, partial(work, *args, **kwargs))
    try:
        return future.result(settings.COLLAB.conversion_timeout_s)
    except TimeoutError:
        future.cancel()
        raise _too_long() from None


def convert_once(asker: Principal, what: Hashable, work: Callable[[], T]) -> T:
    """Likewise, together with whoever waits for the same. It goes on when nobody does any more:

    ``work`` keeps what it has made, so that whoever asks again finds it.
    """
    with _wanted_lock:
        wanted = _wanted.get(what) or _Wanted()
        # Not in the turn of who asked first: others of theirs may come before it.
        if not wanted.has_begun and _whose(asker) not in wanted.askers:
            _submit(asker, partial(_do_once, what, wanted, work))
            wanted.askers.add(_whose(asker))
            _wanted[what] = wanted
    try:
        return wanted.result.result(settings.COLLAB.conversion_timeout_s)  # type: ignore[no-any-return]
    except TimeoutError:
        raise _too_long() from None


def _do_once(what: Hashable, wanted: _Wanted, work: Callable[[], object]) -> None:
    with _wanted_lock:
        if wanted.has_begun:
            return  # in somebody else's turn
        wanted.result.set_running_or_notify_cancel()
    try:
        with panics_as_errors():
            wanted.result.set_result(work())
    except Exception as error:  # for all who wait
        wanted.result.set_exception(error)
    finally:
        with _wanted_lock:
            del _wanted[what]


async def aconvert(asker: Principal, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like ``convert``, from the event loop."""
    future = _submit(asker, partial(work, *args, **kwargs))
    try:
        async with asyncio.timeout(settings.COLLAB.conversion_timeout_s):
            return await asyncio.wrap_future(future)
    except TimeoutError:
        raise _too_long() from None


def _submit(asker: Principal, work: Callable[[], T]) -> "Future[T]":
    return _THREADS.submit(_whose(asker), panics_as_errors()(work))


def _whose(asker: Principal) -> str:
    """Guests have one share together: nothing that they say of themselves tells them apart."""
    return _GUESTS if asker.is_guest else f"user:{asker.user_id}"


def _too_long() -> Unavailable:
    limit = settings.COLLAB.conversion_timeout_s
    return Unavailable(f"the content could not be converted within {limit:g} seconds; try later")

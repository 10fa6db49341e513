"""A flag that tasks wait for: ``asyncio.Event`` in a tenth of the memory.

An event keeps a queue for its waiters, 0.8 KB, whether anybody waits or not; a connection has
two of them, and there are ten thousand connections.
"""

import asyncio


class Flag:
    __slots__ = ("_is_set", "_waiters")

    def __init__(self, *, is_set: bool = False) -> None:
        self._is_set = is_set
        self._waiters: tuple[asyncio.Future[None], ...] = ()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        """Let everybody who waits go on, even if it is cleared before they do."""
        self._is_set = True
        waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def clear(self) -> None:
        self._is_set = False

    async def wait(self) -> None:
        if self._is_set:
            return
        waiter = asyncio.get_running_loop().create_future()
        # Those that were cancelled are done, and forgotten here.
        self._waiters = (*(each for each in self._waiters if not each.done()), waiter)
        await waiter

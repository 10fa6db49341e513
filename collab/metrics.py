"""Every Prometheus metric that this service has: this list is their documentation.

Each process serves its own at ``/metrics``; labels are few and never an id, a name or content.
Imports nothing of ours.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

_QUICK_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Tally(Collector):
    """A counter for what happens with every frame, on the event loop alone: it takes no lock."""

    def __init__(self, name: str, words: str) -> None:
        self._name = name
        self._words = words
        self._value = 0
        REGISTRY.register(self)

    def inc(self, amount: int = 1) -> None:
        self._value += amount

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._words, value=self._value)


class Timings(Collector):
    """A histogram, likewise."""

    def __init__(self, name: str, words: str, *, buckets: tuple[float, ...]) -> None:
        self._name = name
        self._words = words
        self._bounds = buckets
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0
        REGISTRY.register(self)

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(self._name, self._words, buckets=buckets, sum_value=self._sum)


# -- Who is here ------------------------------------------------------------------------------
CONNECTIONS = Gauge("collab_connections", "Open WebSockets.")
ROOMS = Gauge("collab_rooms", "Documents in memory.")
STREAMS = Gauge("collab_streams", "Open streams of changes.")
MEMBERS = Gauge("collab_members", "Clients in rooms.")
CLOSES = Counter("collab_closes", "WebSockets that we closed, by close code.", ["code"])

# -- What flows -------------------------------------------------------------------------------
FRAMES_IN = Tally("collab_frames_in", "WebSocket messages received.")
FRAMES_OUT = Tally("collab_frames_out", "WebSocket messages sent.")
BYTES_IN = Tally("collab_bytes_in", "Bytes of WebSocket messages received.")
BYTES_OUT = Tally("collab_bytes_out", "Bytes of WebSocket messages sent.")
EDITS = Tally("collab_edits", "Updates of members that changed a document.")
FLUSHES = Tally("collab_flushes", "Frames of edits sent to a room; edits / flushes = coalescing.")
REFUSED = Counter("collab_refused", "Messages refused, by the reason's code.", ["reason"])
QUARANTINED = Counter("collab_quarantined", "Updates set aside because a replica broke over them.")
CATCH_UPS = Counter("collab_catch_ups", "Differences sent to members that had fallen behind.")
UPLOADS = Counter(
    "collab_uploads", 'Files uploaded, by what became of them: "stored", or why not.', ["outcome"]
)

# -- How long it takes ------------------------------------------------------------------------
APPLY_S = Timings(
    "collab_apply_seconds",
    "One update into the replica; where many type, of all their edits.",
    buckets=_QUICK_S,
)
RELAY_S = Histogram(
    "collab_relay_seconds",
    "The oldest edit of a flush: from the replica to the frames for the others.",
    buckets=_QUICK_S,
)
COMMIT_S = Histogram("collab_commit_seconds", "One commit of the journal.", buckets=_QUICK_S)
LOOP_LAG_S = Gauge("collab_loop_lag_seconds", "How late the event loop was, last second.")

# -- The journal ------------------------------------------------------------------------------
JOURNAL_BYTES = Gauge("collab_journal_bytes", "Bytes of edits that are not committed yet.")
JOURNAL_AGE_S = Gauge(
    "collab_journal_age_seconds", "Age of the oldest edit that is not committed yet."
)
COMMIT_FAILURES = Counter("collab_commit_failures", "Commits that the database did not take.")

# -- The bus ----------------------------------------------------------------------------------
BUS_SENT = Counter("collab_bus_sent", "Messages published to the channel layer.")
BUS_LOST = Counter("collab_bus_lost", "Messages that could not be published.")
BUS_GAPS = Counter("collab_bus_gaps", "Gaps noticed in what other processes published.")
BUS_HEALED = Counter("collab_bus_healed", "Times that rows were fetched from the log instead.")

"""Every Prometheus metric that this service has: this list is their documentation.

Each process serves its own at ``/metrics``; labels are few and never an id, a name or content.
Imports nothing of ours.
"""

from prometheus_client import Counter, Gauge, Histogram

_QUICK_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# -- Who is here ------------------------------------------------------------------------------
CONNECTIONS = Gauge("collab_connections", "Open WebSockets.")
ROOMS = Gauge("collab_rooms", "Documents in memory.")
STREAMS = Gauge("collab_streams", "Open streams of changes.")
MEMBERS = Gauge("collab_members", "Clients in rooms.")
CLOSES = Counter("collab_closes", "WebSockets that we closed, by close code.", ["code"])

# -- What flows -------------------------------------------------------------------------------
FRAMES_IN = Counter("collab_frames_in", "WebSocket messages received.")
FRAMES_OUT = Counter("collab_frames_out", "WebSocket messages sent.")
BYTES_IN = Counter("collab_bytes_in", "Bytes of WebSocket messages received.")
BYTES_OUT = Counter("collab_bytes_out", "Bytes of WebSocket messages sent.")
EDITS = Counter("collab_edits", "Updates of members that changed a document.")
FLUSHES = Counter("collab_flushes", "Frames of edits sent to a room; edits / flushes = coalescing.")
REFUSED = Counter("collab_refused", "Messages refused, by the reason's code.", ["reason"])
QUARANTINED = Counter("collab_quarantined", "Updates set aside because a replica broke over them.")
CATCH_UPS = Counter("collab_catch_ups", "Differences sent to members that had fallen behind.")
UPLOADS = Counter(
    "collab_uploads", 'Files uploaded, by what became of them: "stored", or why not.', ["outcome"]
)

# -- How long it takes ------------------------------------------------------------------------
APPLY_S = Histogram(
    "collab_apply_seconds", "One member's update: from the guard to the replica.", buckets=_QUICK_S
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

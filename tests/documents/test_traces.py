"""What real people typed, keystroke by keystroke, through real clients and a real server."""

import os
from pathlib import Path

import pytest

from tests.documents.test_interop import needs_node, run_node

# Beside the project, or beside a folder that holds it.
_PLACES = [above / "shared" / "data" / "editing-traces" for above in Path(__file__).parents[3:]]
_FOUND = next((place for place in _PLACES if place.is_dir()), _PLACES[0])
TRACES = Path(os.environ.get("EDITING_TRACES", _FOUND))

pytestmark = [
    needs_node,
    pytest.mark.skipif(
        not TRACES.is_dir(),
        reason=f"no editing traces at {TRACES} (set EDITING_TRACES): nothing was replayed",
    ),
]


# Months of typing, in seconds.
UNLIMITED = {"COLLAB_MAX_MESSAGES_PER_S": "0", "COLLAB_MAX_WORK_SHARE": "0"}


def test_two_friends_write_at_once(new_server):
    server = new_server(**UNLIMITED)
    document = server.new_document()
    trace = str(TRACES / "friendsforever.json.gz")
    found = run_node("trace.mjs", server, document, trace=trace, within_s=400)
    print(found)
    assert found["edits"] == 26_078
    assert found["characters"] == 21_362
    assert found["waits"] > 100  # they did wait for each other
    assert found["interruptions"] == 0


def test_a_paper_is_written_as_fast_as_it_goes(new_server):
    server = new_server(**UNLIMITED)
    document = server.new_document()
    trace = str(TRACES / "automerge-paper.json.gz")
    found = run_node("trace.mjs", server, document, trace=trace, merge=False, within_s=400)
    print(found)
    assert found["edits"] == 259_778
    assert found["characters"] == 104_852
    assert found["interruptions"] == 0
    server.manage("compact", document.id)
    assert "hold together" in server.manage("verify", document.id)
    again = run_node("reads.mjs", server, document, trace=trace)
    assert again["equal"]

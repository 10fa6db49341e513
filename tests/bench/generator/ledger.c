#include "ledger.h"

#include <stdlib.h>

#include "clock.h"
#include "fail.h"

// Edits take turns: the documents first, within each of them its writers.
static uint64_t edit_of(const Plan *plan, uint32_t document, Token token) {
    return ((uint64_t)token.number * plan->writers + token.writer) * plan->documents + document;
}

void ledger_open(Ledger *ledger, const Plan *plan) {
    uint64_t members = (uint64_t)plan->documents * plan->members;
    ledger->plan = plan;
    ledger->edits = (uint64_t)(plan->rate * (plan->warmup + plan->seconds));
    ledger->got = calloc(ledger->edits + 1, plan->members);
    if (plan->awareness > 0) {
        ledger->cursor = calloc(members * plan->members, sizeof *ledger->cursor);
        ledger->cursor_sent = calloc(members, sizeof *ledger->cursor_sent);
    }
    if (!ledger->got) fail("no memory for %lu edits", ledger->edits);
}

int64_t ledger_due(const Ledger *ledger, uint64_t edit) {
    return ledger->begin + (int64_t)((double)edit * (double)SECOND / ledger->plan->rate);
}

double ledger_cursor_interval(const Ledger *ledger) {
    const Plan *plan = ledger->plan;
    if (plan->awareness <= 0) return 0;
    return (double)SECOND / (plan->awareness * plan->documents * plan->members);
}

int64_t ledger_cursor_due(const Ledger *ledger, uint64_t number) {
    return ledger->begin + (int64_t)((double)number * ledger_cursor_interval(ledger));
}

static void time_it(const Ledger *ledger, Histogram *histogram, int64_t due, int64_t now) {
    int64_t warm = ledger->begin + (int64_t)(ledger->plan->warmup * (double)SECOND);
    if (due >= warm) histogram_add(histogram, now - due);
}

void ledger_receive(Ledger *ledger, uint32_t document, uint32_t member, Token token, int64_t now) {
    uint64_t edit = edit_of(ledger->plan, document, token);
    if (token.writer >= ledger->plan->writers || edit >= ledger->tally.sent) {
        ledger->tally.strange++;
        return;
    }
    if (token.writer == member) return;  // its own edit back: no delivery
    uint8_t *got = &ledger->got[edit * ledger->plan->members + member];
    if (*got) {
        ledger->tally.duplicates++;
        return;
    }
    *got = 1;
    ledger->tally.delivered++;
    time_it(ledger, &ledger->tally.latency, ledger_due(ledger, edit), now);
}

void ledger_acknowledge(Ledger *ledger, uint64_t edit, int64_t now) {
    ledger->tally.acknowledged++;
    time_it(ledger, &ledger->tally.acknowledgement, ledger_due(ledger, edit), now);
}

void ledger_see_cursor(Ledger *ledger, uint32_t document, uint32_t member, Token token,
                       int64_t now) {
    const Plan *plan = ledger->plan;
    if (token.writer >= plan->members || token.writer == member || !token.number) return;
    uint64_t whose = (uint64_t)document * plan->members + member;
    uint32_t *latest = &ledger->cursor[whose * plan->members + token.writer];
    ledger->tally.cursors_seen++;
    if (token.number <= *latest) return;
    *latest = token.number;
    uint64_t turn = (uint64_t)(token.number - 1) * plan->documents * plan->members;
    uint64_t mover = (uint64_t)document * plan->members + token.writer;
    time_it(ledger, &ledger->tally.cursor_latency, ledger_cursor_due(ledger, turn + mover), now);
}

uint64_t ledger_expected(const Ledger *ledger) {
    return ledger->tally.sent * (ledger->plan->members - 1);
}

uint64_t ledger_stale_cursors(const Ledger *ledger) {
    if (!ledger->cursor) return 0;
    const Plan *plan = ledger->plan;
    uint64_t stale = 0, all = (uint64_t)plan->documents * plan->members;
    for (uint64_t reader = 0; reader < all; reader++) {
        uint64_t first = reader - reader % plan->members;
        for (uint32_t other = 0; other < plan->members; other++)
            if (first + other != reader)
                stale += ledger->cursor[reader * plan->members + other] <
                         ledger->cursor_sent[first + other];
    }
    return stale;
}

// Who must get what, and who got it when: every edit, every receiver.
#pragma once
#include <stdint.h>

#include "histogram.h"
#include "plan.h"
#include "token.h"

typedef struct {
    uint64_t sent, delivered, duplicates, strange;
    uint64_t cursors_sent, cursors_seen;
    uint64_t acknowledged;
    Histogram latency, acknowledgement;  // of edits that were due after the warm-up
    Histogram cursor_latency;            // likewise of cursors; one that a later one overtook has none
} Tally;

typedef struct {
    const Plan *plan;
    int64_t begin;
    uint64_t edits;       // due in the whole run
    uint8_t *got;         // for each edit and member, how often
    uint32_t *cursor;     // for each member and other member of its document, the latest seen
    uint32_t *cursor_sent;
    Tally tally;
} Ledger;

void ledger_open(Ledger *ledger, const Plan *plan);
int64_t ledger_due(const Ledger *ledger, uint64_t edit);
void ledger_receive(Ledger *ledger, uint32_t document, uint32_t member, Token token, int64_t now);
void ledger_acknowledge(Ledger *ledger, uint64_t edit, int64_t now);
// All members of all documents take turns at moving their cursors; nanoseconds between two, 0: none.
double ledger_cursor_interval(const Ledger *ledger);
int64_t ledger_cursor_due(const Ledger *ledger, uint64_t number);
void ledger_see_cursor(Ledger *ledger, uint32_t document, uint32_t member, Token token, int64_t now);
uint64_t ledger_expected(const Ledger *ledger);
// Pairs of members of which one has not seen the other's last cursor.
uint64_t ledger_stale_cursors(const Ledger *ledger);

// A load generator for Yjs servers: one thread, no Yjs, every edit counted at every receiver.
//
// Reads a plan from stdin. Edits are sent when they are due, whatever the server does, and their
// latency counts from then: a server that stalls cannot hide it. Prints a line of JSON for each
// phase: "ready" (all synced), "measuring" (the warm-up is over), "measured", "done".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "client.h"
#include "clock.h"
#include "fail.h"

#define SETTLE_NS (SECOND / 2)
#define QUIET_NS (5 * SECOND)  // nothing came for so long: what is not there is lost

static World world;
static Client *clients;
static uint32_t members;
static Updates updates;

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// Wait for sockets until then at most, and let them do what they want.
static void turn(int64_t until) {
    struct epoll_event events[512];
    int64_t left = until - now_ns();
    if (left < 0) left = 0;
    struct timespec timeout = {left / SECOND, left % SECOND};
    int count = epoll_pwait2(world.epoll, events, 512, &timeout, NULL);
    for (int i = 0; i < count; i++) client_on_event(events[i].data.ptr, events[i].events);
}

// -- Phases -------------------------------------------------------------------------------
// Open the first members of all documents, or all others, and wait until they are synced.
static void open_some(bool first_of_documents, int64_t deadline) {
    uint32_t next = 0;
    for (;;) {
        while (next < members && world.opening < world.plan->at_once) {
            Client *client = &clients[next++];
            if ((client->member == 0) == first_of_documents) client_open(client);
        }
        if (world.closed) fail("a client could not stay: %s", world.trouble);
        if (next == members && !world.opening) return;
        if (now_ns() > deadline)
            fail("only %u of %u members were ready in time", world.ready, members);
        turn(deadline);
    }
}

// The first of each document comes alone, makes it if need be, and fills it; then all others.
static void open_all(void) {
    int64_t deadline = now_ns() + (int64_t)(world.plan->patience * (double)SECOND);
    open_some(true, deadline);
    uint32_t others = members - world.ready;
    memset(&world.synced, 0, sizeof world.synced);
    world.frames = world.bytes = 0;
    int64_t began = now_ns();
    double cpu = cpu_seconds();
    open_some(false, deadline);
    double took = (double)(now_ns() - began) / 1e9;
    printf("{\"event\":\"ready\",\"members\":%u,\"seconds\":%.3f,\"handshakes_per_s\":%.1f,"
           "\"bytes\":%lu,\"synced_p50_ms\":%.3f,\"synced_p95_ms\":%.3f,\"synced_max_ms\":%.3f,\"cpu\":%.3f}\n",
           world.ready, took, others / took, world.bytes,
           histogram_quantile_ms(&world.synced, 0.5), histogram_quantile_ms(&world.synced, 0.95),
           (double)world.synced.longest_us / 1000, (cpu_seconds() - cpu) / took);
    fflush(stdout);
    int64_t settled = now_ns() + SETTLE_NS;
    while (now_ns() < settled) turn(settled);
}

static void send_edit(uint64_t edit) {
    const Plan *plan = world.plan;
    uint64_t turn_number = edit / plan->documents;
    uint32_t document = edit % plan->documents, writer = turn_number % plan->writers;
    uint64_t number = turn_number / plan->writers;
    if (writer >= updates.writers || number >= updates.streams[writer].count)
        fail("writer %u has no edit %lu: generate more", writer, number);
    Client *client = &clients[document * plan->members + writer];
    world.ledger.tally.sent = edit + 1;
    if (client->state == CLIENT_READY)
        client_edit(client, &updates.streams[writer].updates[number]);
}

static void send_cursor(uint64_t number) {
    Client *client = &clients[number % members];
    if (client->state == CLIENT_READY) client_move_cursor(client);
}

static void say_event(const char *name) {
    printf("{\"event\":\"%s\"}\n", name);
    fflush(stdout);
}

// Send everything that is due between `begin` and the end; the longest that an edit was late.
static int64_t run(int64_t begin, double *cpu_share) {
    const Plan *plan = world.plan;
    Ledger *ledger = &world.ledger;
    int64_t measuring = begin + (int64_t)(plan->warmup * (double)SECOND);
    int64_t end = measuring + (int64_t)(plan->seconds * (double)SECOND), latest = 0;
    double cursor_ns = ledger_cursor_interval(ledger);
    uint64_t next_edit = 0, next_cursor = 0;
    bool is_measuring = false;
    double cpu = cpu_seconds();
    ledger->begin = begin;
    for (int64_t now = now_ns(); now < end; now = now_ns()) {
        if (!is_measuring && now >= measuring) {
            is_measuring = true;
            cpu = cpu_seconds();
            measuring = now;
            say_event("measuring");
        }
        int64_t wake = is_measuring ? end : measuring;
        for (; next_edit < ledger->edits; next_edit++) {
            int64_t due = ledger_due(ledger, next_edit);
            if (due > now) {
                if (due < wake) wake = due;
                break;
            }
            if (is_measuring && now - due > latest) latest = now - due;
            send_edit(next_edit);
        }
        for (; cursor_ns > 0; next_cursor++) {
            int64_t due = ledger_cursor_due(ledger, next_cursor);
            if (due > now) {
                if (due < wake) wake = due;
                break;
            }
            send_cursor(next_cursor);
        }
        turn(wake);
    }
    if (!is_measuring) say_event("measuring");  // there was no time to measure in
    *cpu_share = (cpu_seconds() - cpu) / ((double)(now_ns() - measuring) / 1e9);
    say_event("measured");
    return latest;
}

static void drain(void) {
    const Ledger *ledger = &world.ledger;
    int64_t end = now_ns() + (int64_t)(world.plan->drain * (double)SECOND);
    if (world.last_frame_at < now_ns()) world.last_frame_at = now_ns();
    for (int64_t now = now_ns(); now < end && now < world.last_frame_at + QUIET_NS; now = now_ns()) {
        bool is_whole = ledger->tally.delivered == ledger_expected(ledger) &&
                        (!ledger->tally.acknowledged ||
                         ledger->tally.acknowledged >= ledger->tally.sent) &&
                        (!ledger->cursor || !ledger_stale_cursors(ledger));
        if (is_whole) break;
        turn(now + SECOND / 50);
    }
}

static void report(int64_t latest, double cpu_share) {
    const Tally *tally = &world.ledger.tally;
    uint64_t expected = ledger_expected(&world.ledger);
    printf("{\"event\":\"done\",\"sent\":%lu,\"expected\":%lu,\"delivered\":%lu,\"lost\":%lu,"
           "\"duplicates\":%lu,\"strange\":%lu,\"closed\":%u,\"trouble\":\"%s\",",
           tally->sent, expected, tally->delivered, expected - tally->delivered, tally->duplicates,
           tally->strange, world.closed, world.trouble);
    printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"timed\":%lu,",
           histogram_quantile_ms(&tally->latency, 0.5), histogram_quantile_ms(&tally->latency, 0.99),
           (double)tally->latency.longest_us / 1000, tally->latency.total);
    printf("\"acknowledged\":%lu,\"ack_p50_ms\":%.3f,\"ack_p99_ms\":%.3f,", tally->acknowledged,
           histogram_quantile_ms(&tally->acknowledgement, 0.5),
           histogram_quantile_ms(&tally->acknowledgement, 0.99));
    printf("\"cursors_sent\":%lu,\"cursors_seen\":%lu,\"stale_cursors\":%lu,\"cursor_p99_ms\":%.3f,",
           tally->cursors_sent, tally->cursors_seen, ledger_stale_cursors(&world.ledger),
           histogram_quantile_ms(&tally->cursor_latency, 0.99));
    printf("\"frames\":%lu,\"bytes\":%lu,\"late_ms\":%.3f,\"cpu\":%.3f}\n", world.frames, world.bytes,
           (double)latest / 1e6, cpu_share);
}

static void make_clients(void) {
    const Plan *plan = world.plan;
    members = plan->documents * plan->members;
    clients = calloc(members, sizeof(Client));
    for (uint32_t number = 0; number < members; number++)
        clients[number] = (Client){.world = &world,
                                   .document = number / plan->members,
                                   .member = number % plan->members};
}

int main(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    static Plan plan;
    plan = plan_read();
    world.plan = &plan;
    world.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (plan.updates) updates = updates_load(plan.updates);
    if (plan.fill) world.fill = file_load(plan.fill);
    ledger_open(&world.ledger, &plan);
    make_clients();
    open_all();
    world.is_running = true;
    world.frames = world.bytes = 0;
    double cpu_share = 0;
    int64_t latest = run(now_ns(), &cpu_share);
    drain();
    report(latest, cpu_share);
    return 0;
}

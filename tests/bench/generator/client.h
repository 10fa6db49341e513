// One connected member: opens, authenticates, syncs, and then writes and reads.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "dialect.h"
#include "histogram.h"
#include "ledger.h"
#include "plan.h"
#include "updates.h"
#include "websocket.h"

typedef enum {
    CLIENT_WAITS,
    CLIENT_CONNECTS,
    CLIENT_SHAKES_HANDS,
    CLIENT_AUTHENTICATES,
    CLIENT_SYNCS,
    CLIENT_FILLS,
    CLIENT_READY,
    CLIENT_CLOSED,
} ClientState;

// What all clients share.
typedef struct {
    const Plan *plan;
    int epoll;
    Ledger ledger;
    bool is_running;  // tokens count from here on
    Update fill;
    uint32_t opening, ready, closed;
    uint64_t frames, bytes;
    int64_t last_frame_at;
    Histogram synced;  // from the beginning of the connection to SyncStep2
    char trouble[256];  // what went wrong first
} World;

typedef struct {
    World *world;
    int fd;
    ClientState state;
    uint32_t document, member;
    uint32_t sent;          // edits
    uint64_t confirmed;     // of its sync messages, as the server has said
    uint64_t unconfirmed_before;  // sync messages that it sent before its first edit
    uint32_t cursor;        // clock of its awareness
    int64_t began;
    bool wants_to_write;
    Buffer in, out;
    Buffer message;         // that came in part
    Frame frame;            // of which the rest has to come,
    size_t frame_left;      // so many bytes
} Client;

void client_open(Client *client);
void client_on_event(Client *client, uint32_t events);
void client_edit(Client *client, const Update *update);
void client_move_cursor(Client *client);

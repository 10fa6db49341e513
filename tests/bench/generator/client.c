#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "websocket.h"

#define PER_SOURCE 500  // connections from one loopback address: servers limit them
#define CLIENT_ID 0x10000000u
#define LONG 16384         // bytes of a frame that is dealt with as it comes
#define KEPT_BEFORE 4096u  // bytes of a message, while nothing is counted

static uint8_t received[1 << 18];

static Document *document_of(const Client *client) {
    return &client->world->plan->document[client->document];
}

static Address address_of(const Client *client) {
    return (Address){client->world->plan->dialect, document_of(client)->name};
}

static void leave(Client *client, const char *why, int number) {
    World *world = client->world;
    if (!world->trouble[0])
        snprintf(world->trouble, sizeof world->trouble, "%s %d in state %d", why, number,
                 client->state);
    if (client->state == CLIENT_READY) world->ready--;
    else world->opening--;
    world->closed++;
    client->state = CLIENT_CLOSED;
    close(client->fd);
    buffer_free(&client->in);
    buffer_free(&client->out);
    buffer_free(&client->message);
}

// -- Writing ------------------------------------------------------------------------------
static void watch(Client *client, bool wants_to_write) {
    if (client->wants_to_write == wants_to_write) return;
    client->wants_to_write = wants_to_write;
    struct epoll_event event = {EPOLLIN | (wants_to_write ? EPOLLOUT : 0), {.ptr = client}};
    epoll_ctl(client->world->epoll, EPOLL_CTL_MOD, client->fd, &event);
}

static void flush(Client *client) {
    while (client->out.length) {
        ssize_t sent = send(client->fd, client->out.bytes, client->out.length, MSG_NOSIGNAL);
        if (sent < 0) break;  // what is wrong, reading will say
        buffer_consume(&client->out, sent);
    }
    watch(client, client->out.length > 0);
}

static void say(Client *client, Buffer *message) {
    websocket_write_frame(&client->out, FRAME_BINARY, message->bytes, message->length);
    buffer_free(message);
    flush(client);
}

static void say_step1(Client *client) {
    Buffer message = {0};
    dialect_step1(&message, address_of(client));
    say(client, &message);
}

void client_edit(Client *client, const Update *update) {
    Buffer message = {0};
    dialect_update(&message, address_of(client), update->bytes, update->length);
    client->sent++;
    say(client, &message);
}

void client_move_cursor(Client *client) {
    World *world = client->world;
    char mark[TOKEN_LENGTH + 1];
    Buffer message = {0};
    uint32_t clock = ++client->cursor;
    token_write(mark, '^', (Token){client->member, clock});
    dialect_awareness(&message, address_of(client), CLIENT_ID + client->member, clock, mark);
    world->ledger.cursor_sent[client->document * world->plan->members + client->member] = clock;
    world->ledger.tally.cursors_sent++;
    say(client, &message);
}

// -- Becoming a member --------------------------------------------------------------------
void client_open(Client *client) {
    World *world = client->world;
    Document *document = document_of(client);
    const Entrance *entrance = &document->entrance[client->member % document->entrances];
    uint32_t number = client->document * world->plan->members + client->member;
    struct sockaddr_in here = {.sin_family = AF_INET}, there = here;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number / PER_SOURCE);
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    there.sin_port = htons(entrance->port);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) fail("no socket: %s", strerror(errno));
    int on = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(client->fd, (struct sockaddr *)&here, sizeof here)) fail("bind: %s", strerror(errno));
    client->state = CLIENT_CONNECTS;
    client->began = now_ns();
    client->wants_to_write = true;
    world->opening++;
    struct epoll_event event = {EPOLLIN | EPOLLOUT, {.ptr = client}};
    epoll_ctl(world->epoll, EPOLL_CTL_ADD, client->fd, &event);
    websocket_request(&client->out, "127.0.0.1", entrance->port, entrance->target);
    if (connect(client->fd, (struct sockaddr *)&there, sizeof there) && errno != EINPROGRESS)
        leave(client, "connect failed", errno);
}

static void become_ready(Client *client) {
    client->state = CLIENT_READY;
    client->world->opening--;
    client->world->ready++;
}

static void begin_sync(Client *client) {
    client->state = CLIENT_SYNCS;
    if (client->world->plan->is_silent) become_ready(client);
    else say_step1(client);
}

static void greet(Client *client) {
    if (client->world->plan->dialect != DIALECT_HOCUSPOCUS) {
        begin_sync(client);
        return;
    }
    client->state = CLIENT_AUTHENTICATES;
    Buffer message = {0};
    dialect_authenticate(&message, address_of(client), "token");
    say(client, &message);
}

static void on_step2(Client *client, int64_t now) {
    World *world = client->world;
    if (client->state == CLIENT_SYNCS && client->member == 0 && world->fill.length) {
        client->state = CLIENT_FILLS;  // and asks again: the answer says that it has arrived
        Buffer message = {0};
        dialect_update(&message, address_of(client), world->fill.bytes, world->fill.length);
        client->unconfirmed_before++;
        say(client, &message);
        say_step1(client);
    } else if (client->state == CLIENT_SYNCS || client->state == CLIENT_FILLS) {
        if (client->state == CLIENT_SYNCS) histogram_add(&world->synced, now - client->began);
        become_ready(client);
    }
}

// -- Reading ------------------------------------------------------------------------------
static void count_tokens(Client *client, const Message *message, char sign, int64_t now) {
    World *world = client->world;
    const uint8_t *at = message->body, *end = at + message->length;
    Token token;
    while (token_find(&at, end, sign, &token)) {
        if (sign == '~') ledger_receive(&world->ledger, client->document, client->member, token, now);
        else ledger_see_cursor(&world->ledger, client->document, client->member, token, now);
    }
}

static void on_acknowledged(Client *client, const Message *message, int64_t now) {
    const Plan *plan = client->world->plan;
    uint64_t count = client->confirmed + 1;  // Hocuspocus confirms each; we say how many
    if (plan->dialect == DIALECT_YWEBSOCKET) count = dialect_acknowledged(message);
    for (; client->confirmed < count; client->confirmed++) {
        if (client->confirmed < client->unconfirmed_before) continue;
        uint64_t number = client->confirmed - client->unconfirmed_before;
        if (number >= client->sent) continue;
        uint64_t turn = number * plan->writers + client->member;
        ledger_acknowledge(&client->world->ledger, turn * plan->documents + client->document, now);
    }
}

static void on_message(Client *client, const uint8_t *bytes, size_t length, int64_t now) {
    World *world = client->world;
    Message message = dialect_read(world->plan->dialect, bytes, length);
    switch (message.kind) {
    case MESSAGE_STEP1:
        if (world->plan->is_silent) break;
        Buffer answer = {0};
        dialect_empty_step2(&answer, address_of(client));
        if (!world->is_running) client->unconfirmed_before++;
        say(client, &answer);
        break;
    case MESSAGE_STEP2:
        on_step2(client, now);
        // It may hold edits as well.
        __attribute__((fallthrough));
    case MESSAGE_UPDATE:
        if (world->is_running) count_tokens(client, &message, '~', now);
        break;
    case MESSAGE_AWARENESS:
        if (world->ledger.cursor) count_tokens(client, &message, '^', now);
        break;
    case MESSAGE_AUTHENTICATED:
        begin_sync(client);
        break;
    case MESSAGE_ACKNOWLEDGED:
        on_acknowledged(client, &message, now);
        break;
    case MESSAGE_DENIED:
        leave(client, "denied", 0);
        break;
    case MESSAGE_OTHER:
        break;
    }
}

// Of what cannot hold an edit that counts only the head is kept: a hundred clients who open a large
// document would measure how fast this program is given memory.
static void keep(Client *client, const uint8_t *bytes, size_t length) {
    size_t room = KEPT_BEFORE > client->message.length ? KEPT_BEFORE - client->message.length : 0;
    if (!client->world->is_running && length > room) length = room;
    if (length) buffer_append(&client->message, bytes, length);
}

static void on_message_ended(Client *client, int64_t now) {
    Buffer message = client->message;
    client->message = (Buffer){0};
    on_message(client, message.bytes, message.length, now);
    buffer_free(&message);
}

static void on_frame(Client *client, const Frame *frame, int64_t now) {
    World *world = client->world;
    world->frames++;
    world->bytes += frame->length;
    world->last_frame_at = now;
    if (frame->opcode == FRAME_PING) {
        websocket_write_frame(&client->out, FRAME_PONG, frame->payload, frame->length);
        flush(client);
    } else if (frame->opcode == FRAME_CLOSE) {
        leave(client, "closed with",
              frame->length < 2 ? 1005 : frame->payload[0] << 8 | frame->payload[1]);
    } else if (frame->opcode == FRAME_PONG) {
        return;
    } else if (frame->is_final && frame->opcode != FRAME_CONTINUES) {
        on_message(client, frame->payload, frame->length, now);
    } else {
        keep(client, frame->payload, frame->length);
        if (frame->is_final) on_message_ended(client, now);
    }
}

// Of a frame that is too long to be kept until it is whole.
static size_t on_part(Client *client, const uint8_t *bytes, size_t length, int64_t now) {
    if (length > client->frame_left) length = client->frame_left;
    keep(client, bytes, length);
    client->world->bytes += length;
    client->world->last_frame_at = now;
    client->frame_left -= length;
    if (client->frame_left) return length;
    client->world->frames++;
    if (client->frame.is_final) on_message_ended(client, now);
    return length;
}

// How many bytes of these could be used.
static size_t digest(Client *client, const uint8_t *bytes, size_t length, int64_t now) {
    size_t at = 0;
    if (client->state == CLIENT_SHAKES_HANDS) {
        int status = 0;
        at = websocket_answer(bytes, length, &status);
        if (!at) return 0;
        if (status != 101) leave(client, "HTTP", status);
        else greet(client);
    }
    Frame frame;
    while (client->state != CLIENT_CLOSED && at < length) {
        if (client->frame_left) {
            at += on_part(client, bytes + at, length - at, now);
        } else if (!websocket_read_head(bytes + at, length - at, &frame)) {
            break;
        } else if (length - at >= frame.size) {
            on_frame(client, &frame, now);
            at += frame.size;
        } else if (frame.length > LONG) {
            client->frame = frame;
            client->frame_left = frame.length;
            at += frame.size - frame.length;
        } else {
            break;
        }
    }
    return at;
}

static void read_on(Client *client) {
    ssize_t length = recv(client->fd, received, sizeof received, 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) {
        leave(client, "cut off", length ? errno : 0);
        return;
    }
    int64_t now = now_ns();
    if (client->in.length) {
        buffer_append(&client->in, received, length);
        size_t used = digest(client, client->in.bytes, client->in.length, now);
        if (client->state != CLIENT_CLOSED && used) buffer_consume(&client->in, used);
    } else {
        size_t used = digest(client, received, length, now);
        if (client->state != CLIENT_CLOSED && used < (size_t)length)
            buffer_append(&client->in, received + used, length - used);
    }
}

void client_on_event(Client *client, uint32_t events) {
    if (client->state == CLIENT_CLOSED) return;
    if (events & EPOLLOUT) {
        if (client->state == CLIENT_CONNECTS) client->state = CLIENT_SHAKES_HANDS;
        flush(client);
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) read_on(client);
}

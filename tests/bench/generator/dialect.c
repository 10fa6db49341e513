#include "dialect.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_SYNC = 0, TYPE_AWARENESS = 1, TYPE_AUTH = 2, TYPE_SYNC_REPLY = 4, TYPE_SYNC_STATUS = 8,
       TYPE_EVENT = 100 };

static void write_uint(Buffer *out, uint64_t number) {
    uint8_t bytes[10];
    int length = 0;
    for (; number > 127; number >>= 7) bytes[length++] = 0x80 | (number & 0x7f);
    bytes[length++] = number;
    buffer_append(out, bytes, length);
}

static void write_bytes(Buffer *out, const void *bytes, size_t length) {
    write_uint(out, length);
    buffer_append(out, bytes, length);
}

static bool read_uint(const uint8_t **at, const uint8_t *end, uint64_t *number) {
    *number = 0;
    for (int shift = 0; *at < end && shift < 63; shift += 7) {
        uint8_t byte = *(*at)++;
        *number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

static void begin(Buffer *out, Address to, int type) {
    if (to.dialect == DIALECT_HOCUSPOCUS) write_bytes(out, to.name, strlen(to.name));
    write_uint(out, type);
}

void dialect_authenticate(Buffer *out, Address to, const char *token) {
    begin(out, to, TYPE_AUTH);
    write_uint(out, 0);
    write_bytes(out, token, strlen(token));
}

void dialect_step1(Buffer *out, Address to) {
    begin(out, to, TYPE_SYNC);
    write_uint(out, 0);
    write_bytes(out, "\0", 1);  // the state vector of an empty document
}

void dialect_empty_step2(Buffer *out, Address to) {
    begin(out, to, TYPE_SYNC);
    write_uint(out, 1);
    write_bytes(out, "\0\0", 2);
}

void dialect_update(Buffer *out, Address to, const uint8_t *update, size_t length) {
    begin(out, to, TYPE_SYNC);
    write_uint(out, 2);
    write_bytes(out, update, length);
}

void dialect_awareness(Buffer *out, Address to, uint32_t client, uint32_t clock,
                       const char *mark) {
    char state[256];
    int length = snprintf(state, sizeof state,
                          "{\"user\":{\"name\":\"Somebody %u\",\"color\":\"#30bced\"},\"cursor\":"
                          "{\"anchor\":{\"item\":{\"client\":%u,\"clock\":%u},\"assoc\":0},"
                          "\"head\":{\"item\":{\"client\":%u,\"clock\":%u},\"assoc\":0}},"
                          "\"mark\":\"%s\"}",
                          client, client, clock, client, clock, mark);
    Buffer update = {0};
    write_uint(&update, 1);
    write_uint(&update, client);
    write_uint(&update, clock);
    write_bytes(&update, state, length);
    begin(out, to, TYPE_AWARENESS);
    write_bytes(out, update.bytes, update.length);
    buffer_free(&update);
}

static MessageKind kind_of_sync(uint64_t step) {
    static const MessageKind kinds[] = {MESSAGE_STEP1, MESSAGE_STEP2, MESSAGE_UPDATE};
    return step < 3 ? kinds[step] : MESSAGE_OTHER;
}

static MessageKind kind_of_auth(Dialect dialect, uint64_t said) {
    return dialect == DIALECT_HOCUSPOCUS && said == 2 ? MESSAGE_AUTHENTICATED : MESSAGE_DENIED;
}

Message dialect_read(Dialect dialect, const uint8_t *bytes, size_t length) {
    const uint8_t *at = bytes, *end = bytes + length;
    uint64_t type = 0, detail = 0;
    MessageKind kind = MESSAGE_OTHER;
    if (dialect == DIALECT_HOCUSPOCUS) {
        uint64_t name;
        if (!read_uint(&at, end, &name) || name > (uint64_t)(end - at))
            return (Message){MESSAGE_OTHER, bytes, 0};
        at += name;
    }
    bool is_whole = read_uint(&at, end, &type);
    if (is_whole && type == TYPE_AWARENESS) kind = MESSAGE_AWARENESS;
    if (is_whole && type == TYPE_EVENT) kind = MESSAGE_ACKNOWLEDGED;
    if (is_whole && type == TYPE_SYNC_STATUS && dialect == DIALECT_HOCUSPOCUS)
        kind = MESSAGE_ACKNOWLEDGED;
    bool is_sync = type == TYPE_SYNC || (type == TYPE_SYNC_REPLY && dialect == DIALECT_HOCUSPOCUS);
    if (is_whole && is_sync && read_uint(&at, end, &detail)) kind = kind_of_sync(detail);
    if (is_whole && type == TYPE_AUTH && read_uint(&at, end, &detail))
        kind = kind_of_auth(dialect, detail);
    return (Message){kind, at, end - at};
}

uint64_t dialect_acknowledged(const Message *message) {
    static const char key[] = "\"count\":";
    const uint8_t *found = memmem(message->body, message->length, key, sizeof key - 1);
    return found ? strtoull((const char *)found + sizeof key - 1, NULL, 10) : 0;
}

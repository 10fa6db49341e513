#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

void buffer_append(Buffer *buffer, const void *bytes, size_t length) {
    size_t needed = buffer->length + length;
    if (needed > buffer->room) {
        size_t room = buffer->room ? buffer->room : 256;
        while (room < needed) room *= 2;
        buffer->bytes = realloc(buffer->bytes, room);
        if (!buffer->bytes) fail("no memory for %zu bytes", room);
        buffer->room = room;
    }
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length = needed;
}

void buffer_consume(Buffer *buffer, size_t length) {
    buffer->length -= length;
    if (buffer->length == 0) {
        buffer_free(buffer);  // ten thousand idle clients keep nothing
        return;
    }
    memmove(buffer->bytes, buffer->bytes + length, buffer->length);
}

void buffer_free(Buffer *buffer) {
    free(buffer->bytes);
    *buffer = (Buffer){0};
}

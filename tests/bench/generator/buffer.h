// A growing row of bytes: filled at its end, emptied from its beginning.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *bytes;
    size_t length, room;
} Buffer;

void buffer_append(Buffer *buffer, const void *bytes, size_t length);
void buffer_consume(Buffer *buffer, size_t length);
void buffer_free(Buffer *buffer);

#include "updates.h"

#include <stdio.h>
#include <stdlib.h>

#include "fail.h"

Update file_load(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail("cannot read %s", path);
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(length);
    if (!bytes || fread(bytes, 1, length, file) != (size_t)length) fail("cannot read %s", path);
    fclose(file);
    return (Update){bytes, length};
}

static uint32_t read_number(const uint8_t **at, int size) {
    uint32_t number = 0;
    for (int i = 0; i < size; i++) number |= (uint32_t)*(*at)++ << (8 * i);
    return number;
}

// Little-endian: u32 writers; for each u32 updates; for each u16 length and the bytes.
Updates updates_load(const char *path) {
    Update file = file_load(path);
    const uint8_t *at = file.bytes;
    Updates all = {.writers = read_number(&at, 4)};
    all.streams = calloc(all.writers, sizeof(Stream));
    for (uint32_t writer = 0; writer < all.writers; writer++) {
        Stream *stream = &all.streams[writer];
        stream->count = read_number(&at, 4);
        stream->updates = calloc(stream->count, sizeof(Update));
        for (uint32_t number = 0; number < stream->count; number++) {
            uint32_t length = read_number(&at, 2);
            stream->updates[number] = (Update){at, length};
            at += length;
        }
    }
    if (at != file.bytes + file.length) fail("%s is damaged", path);
    return all;
}

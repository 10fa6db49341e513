// The pre-generated Yjs updates: for each writer one after another, as updates.mjs wrote them.
#pragma once
#include <stdint.h>

typedef struct {
    const uint8_t *bytes;
    uint32_t length;
} Update;

typedef struct {
    uint32_t count;
    Update *updates;
} Stream;

typedef struct {
    uint32_t writers;
    Stream *streams;
} Updates;

Updates updates_load(const char *path);
Update file_load(const char *path);  // a whole file as one update

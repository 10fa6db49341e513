// Time that only goes forward, in nanoseconds.
#pragma once
#include <stdint.h>
#include <time.h>

#define SECOND 1000000000LL

static inline int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

// Counts durations with a precision of 0.2 % (as HdrHistogram does): nothing is sampled.
#pragma once
#include <stdint.h>

#define HISTOGRAM_EXACT 1024
#define HISTOGRAM_BUCKETS (HISTOGRAM_EXACT + 40 * HISTOGRAM_EXACT / 2)

typedef struct {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t longest_us;
} Histogram;

void histogram_add(Histogram *histogram, int64_t ns);
double histogram_quantile_ms(const Histogram *histogram, double quantile);

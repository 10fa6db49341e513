#include "histogram.h"

#define HALF (HISTOGRAM_EXACT / 2)

static unsigned bucket_of(uint64_t us) {
    if (us < HISTOGRAM_EXACT) return us;
    unsigned exponent = 63 - __builtin_clzll(us) - 9;
    return HISTOGRAM_EXACT + (exponent - 1) * HALF + ((us >> exponent) - HALF);
}

static uint64_t middle_of(unsigned bucket) {
    if (bucket < HISTOGRAM_EXACT) return bucket;
    unsigned exponent = (bucket - HISTOGRAM_EXACT) / HALF + 1;
    uint64_t low = ((uint64_t)((bucket - HISTOGRAM_EXACT) % HALF) + HALF) << exponent;
    return low + (1ULL << exponent) / 2;
}

void histogram_add(Histogram *histogram, int64_t ns) {
    uint64_t us = ns < 0 ? 0 : (uint64_t)ns / 1000;
    histogram->counts[bucket_of(us)]++;
    histogram->total++;
    if (us > histogram->longest_us) histogram->longest_us = us;
}

double histogram_quantile_ms(const Histogram *histogram, double quantile) {
    if (histogram->total == 0) return 0;
    uint64_t wanted = (uint64_t)(quantile * (double)histogram->total);
    if (wanted >= histogram->total) wanted = histogram->total - 1;
    uint64_t passed = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        passed += histogram->counts[bucket];
        if (passed > wanted) return (double)middle_of(bucket) / 1000;
    }
    return (double)histogram->longest_us / 1000;
}

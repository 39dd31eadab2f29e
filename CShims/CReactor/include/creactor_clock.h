#ifndef CREACTOR_CLOCK_H
#define CREACTOR_CLOCK_H

#include <stdint.h>
#include <time.h>

/// CLOCK_MONOTONIC in nanoseconds. See clock_gettime(2); served by the vDSO, so no system call.
static inline uint64_t creactor_monotonic_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

#endif

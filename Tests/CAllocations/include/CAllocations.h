#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stdint.h>

// Counts the calling thread's allocations in a program that this is linked into: malloc(3) and its like are replaced by
// functions that count and then call glibc's own.

/// How often the calling thread has allocated, grown what it had included; -1 where nothing is counted, since a sanitizer
/// needs these functions for itself.
int64_t callocations_of_this_thread(void);

#endif

#ifndef CREACTOR_EVENT_H
#define CREACTOR_EVENT_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#pragma clang assume_nonnull begin

/// A non-blocking, close-on-exec eventfd(2) that counts wake-ups.
int creactor_eventfd(void);

/// A blocking, close-on-exec eventfd(2) in semaphore mode: each read takes one unit.
int creactor_semaphore(void);

/// Blocks `signals` for the calling thread. Returns 0 or an errno value.
int creactor_block_signals(const int *signals, int count);

/// Blocks `signals` for the calling thread and returns a signalfd(2) that reads them, or -1.
int creactor_signalfd(const int *signals, int count);

/// The number of the next signal that the signalfd holds, or -1.
int creactor_read_signal(int descriptor);

/// Starts a detached thread that runs `body(context)` with all signals blocked, so that signals
/// always reach the loop. Returns 0 or an errno value.
int creactor_start_thread(const char *name, void (*body)(void *context), void *context);

/// The bytes that malloc(3) has given out, for tests that look for leaks. See mallinfo2(3).
size_t creactor_heap_in_use(void);

/// Starts a thread that must be joined or detached, likewise; on `core` alone if that is not
/// negative. Returns 0 or an errno value.
int creactor_start_joinable_thread(
    pthread_t *thread, const char *name, int core, void (*body)(void *context), void *context);

/// Writes the numbers of the cores that the calling thread may run on to `cores` and returns how
/// many, or -1 if the kernel's mask has more than `capacity` bits. See sched_getaffinity(2).
int creactor_allowed_cores(int *cores, int capacity);

#pragma clang assume_nonnull end

#endif

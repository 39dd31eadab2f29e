#ifndef CPROCESS_CONTROL_H
#define CPROCESS_CONTROL_H

#include <stdbool.h>
#include <sys/types.h>

// GNU-only calls of process control. Each returns 0 or an errno unless it says otherwise.

#pragma clang assume_nonnull begin

/// Takes the write lock of an open file for its open file description, without waiting. EAGAIN: somebody
/// else has it. It ends when the last copy of the descriptor is closed, however the process ends.
int cprocess_lock(int descriptor);

/// Whether another open file description holds the lock: 1, 0 or a negative errno.
int cprocess_is_locked(int descriptor);

/// A descriptor that becomes readable when the process ends, or a negative errno.
int cprocess_pidfd(pid_t pid);

/// What to start. Descriptors are copied to 0, 1 and 2 of the child; -1 inherits the caller's.
struct cprocess_spawn_options {
    const char *program;                         // a path; nothing is searched
    char *_Nullable const *_Nonnull arguments;   // NULL-terminated, with argv[0]
    char *_Nullable const *_Nonnull environment; // NULL-terminated
    const char *_Nullable folder;                // the child's working folder
    int input;
    int output;
    int error;
    bool starts_session; // so that signals of the terminal do not reach the child
};

/// Starts a child with no signal blocked and every signal at its default.
int cprocess_spawn(const struct cprocess_spawn_options *options, pid_t *pid);

#pragma clang assume_nonnull end

#endif

#ifndef CREACTOR_PROCESS_H
#define CREACTOR_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

/// What to start, and with what.
struct creactor_command {
    const char *program;                        // searched in PATH if it has no slash
    char *_Nullable const *_Nonnull arguments;  // NULL-terminated, with argv[0]
    char *_Nullable const *_Nullable environment; // NULL-terminated; NULL: the caller's
    const char *_Nullable folder;               // the child's working folder; NULL: the caller's
    int streams[3];                             // become 0, 1 and 2; -1: /dev/null
    bool starts_session;                        // so that signals of the terminal stay away
};

/// Starts a child that has these three descriptors and no other, no signal blocked and every signal
/// at its default. Returns 0 or an errno value, also if the program could not be executed.
int creactor_spawn(const struct creactor_command *command, pid_t *pid);

/// A descriptor that becomes readable when the child ends (pidfd_open(2)), or -1.
int creactor_pidfd(pid_t pid);

/// Sends a signal through a pidfd; returns 0 or -1. ESRCH: it has ended.
int creactor_pidfd_signal(int pidfd, int signal);

/// Reaps a child that has ended. Returns its status as of waitpid(2), -1 while it runs (if it is not
/// waited for) or if it is nobody's any more.
int creactor_reap(pid_t pid, bool waits);

/// A connected pair of close-on-exec stream sockets, the first non-blocking; returns 0 or -1.
int creactor_stream_pair(int ends[_Nonnull 2]);

#pragma clang assume_nonnull end

#endif

#ifndef CPROCESS_GUARD_H
#define CPROCESS_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

// A child process that cannot outlive its starter, however the starter ends.
//
// Between the starter and the child stands a guardian: a fork that holds the read end of a pipe, the
// lifeline. When the starter dies the pipe reaches its end, and the guardian stops the child. (A parent-death
// signal alone does not do: it fires when the starting *thread* ends, and pool threads come and go.)

#pragma clang assume_nonnull begin

/// What to start and as whom. The guardian only reads it before it returns to the caller.
struct cprocess_guard_options {
    const char *program;
    char *_Nullable const *_Nonnull arguments;   // NULL-terminated, with argv[0]
    char *_Nullable const *_Nonnull environment; // NULL-terminated
    const char *folder;                 // the child's working folder
    bool drops_privileges;                            // become user and group, without other groups
    uid_t user;
    gid_t group;
    int output;                   // becomes the child's standard output and error
    int loss_signal;              // sent to the child when the lifeline ends
    const char *_Nullable doomed; // a folder removed after the child ended by loss of the lifeline
};

struct cprocess_guard {
    pid_t guardian; // the caller's child: exits as the child exited (128 + signal if by a signal)
    pid_t child;
    int lifeline; // write a signal's number: the child gets it and `doomed` is kept. Close: see above.
};

/// Returns 0 or an errno, of the step that failed (the working folder, the user, execve).
int cprocess_guard_start(const struct cprocess_guard_options *options, struct cprocess_guard *guard);

#pragma clang assume_nonnull end

#endif

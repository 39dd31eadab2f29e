#ifndef CSECCOMP_H
#define CSECCOMP_H

/// Makes one system call fail with `error` for the calling thread, for good: a seccomp(2) filter as
/// container runtimes install it. Returns 0 or an errno value.
int cseccomp_forbid(int call, int error);

/// Makes the calls of the calling thread with one number fail with `error`, the first `count` of them; those
/// that follow go through. Only for accept4(2) and sendto(2), once in a process. Returns 0 or an
/// errno value.
int cseccomp_fail_first(int call, int error, int count);

/// How many calls have been made to fail so.
int cseccomp_failed(void);

/// The numbers of those calls.
int cseccomp_accept4(void);
int cseccomp_sendto(void);

/// The number of the system call io_uring_setup(2) or io_uring_register(2).
int cseccomp_io_uring_setup(void);
int cseccomp_io_uring_register(void);

/// Installs a handler for `signal` that does nothing but count, and ends system calls with EINTR;
/// unblocks it for the calling thread.
void cseccomp_count_signal(int signal);

/// How many signals the handler has counted.
int cseccomp_signals(void);

#endif

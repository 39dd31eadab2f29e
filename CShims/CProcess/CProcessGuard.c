#define _GNU_SOURCE
#include "CProcessGuard.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The starter may have threads: everything after fork() here is async-signal-safe.

static void report(int pipe, int32_t value) {
    ssize_t ignored = write(pipe, &value, sizeof value);
    (void)ignored;
}

// A fork holds every descriptor of its starter, other guardians' lifelines among them.
static void close_others(int keep1, int keep2, int keep3) {
    struct rlimit limit;
    int end = 1024;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536) {
        end = (int)limit.rlim_cur;
    }
#ifdef SYS_close_range
    // Keeps the loop below short where starters allow themselves a million descriptors.
    if (end > 1024) syscall(SYS_close_range, 65536U, ~0U, 0U);
#endif
    for (int fd = 0; fd < end; fd++) {
        if (fd != keep1 && fd != keep2 && fd != keep3) close(fd);
    }
}

static void reset_signals(void) {
    sigset_t none;
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become_child(
    const struct cprocess_guard_options *options, int output, int reports, pid_t guardian) {
    reset_signals();
    // After the change of user, which clears it. The guardian has one thread.
    prctl(PR_SET_PDEATHSIG, options->loss_signal);
    if (getppid() != guardian) _exit(127);
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, 0);
    dup2(output, 1);
    dup2(output, 2);
    if (null > 2) close(null);
    execve(options->program, options->arguments, options->environment);
    report(reports, errno);
    _exit(127);
}

// Passes signals from the lifeline on until the child has ended; true if the lifeline was lost first.
static bool watch_over(pid_t child, int lifeline, int signals, int loss_signal, int *status) {
    bool lost = false, asked = false;
    for (;;) {
        struct pollfd waits[2] = {{signals, POLLIN, 0}, {lost ? -1 : lifeline, POLLIN, 0}};
        if (poll(waits, 2, -1) < 0 && errno != EINTR) _exit(126);
        if (!lost && waits[1].revents) {
            unsigned char number;
            ssize_t count = read(lifeline, &number, 1);
            if (count == 1) {
                asked = true;
                kill(child, number);
            } else if (count == 0) {
                lost = true;
                kill(child, loss_signal);
            }
        }
        if (waits[0].revents) {
            struct signalfd_siginfo info;
            ssize_t ignored = read(signals, &info, sizeof info);
            (void)ignored;
        }
        if (waitpid(child, status, WNOHANG) == child) {
            // What the lifeline said last may still lie in it.
            struct pollfd last = {lifeline, POLLIN, 0};
            unsigned char number;
            while (!lost && poll(&last, 1, 0) == 1) {
                if (read(lifeline, &number, 1) == 1) asked = true;
                else lost = true;
            }
            return lost && !asked;
        }
    }
}

static _Noreturn void be_guardian(
    const struct cprocess_guard_options *options, int lifeline, int reports) {
    prctl(PR_SET_NAME, "guardian");
    setsid(); // a terminal's Ctrl-C is the starter's to handle
    int signals = -1;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    reset_signals();
    sigprocmask(SIG_SETMASK, &set, NULL);
    close_others(lifeline, reports, options->output);
    signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (options->drops_privileges
        && (setgroups(0, NULL) || setgid(options->group) || setuid(options->user))) {
        report(reports, errno);
        _exit(126);
    }
    if (signals < 0 || chdir(options->folder)) {
        report(reports, errno);
        _exit(126);
    }
    pid_t self = getpid();
    pid_t child = fork();
    if (child < 0) {
        report(reports, errno);
        _exit(126);
    }
    if (child == 0) become_child(options, options->output, reports, self);
    report(reports, -child);
    close(reports);
    close(options->output);
    int status = 0;
    bool lost = watch_over(child, lifeline, signals, options->loss_signal, &status);
    if (lost && options->doomed && chdir("/") == 0) {
        execl("/bin/rm", "rm", "-rf", "--", options->doomed, (char *)NULL);
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int cprocess_guard_start(const struct cprocess_guard_options *options, struct cprocess_guard *guard) {
    int lifeline[2], reports[2];
    if (pipe2(lifeline, O_CLOEXEC)) return errno;
    if (pipe2(reports, O_CLOEXEC)) {
        int error = errno;
        close(lifeline[0]);
        close(lifeline[1]);
        return error;
    }
    pid_t guardian = fork();
    int error = guardian < 0 ? errno : 0;
    if (guardian == 0) be_guardian(options, lifeline[0], reports[1]);
    close(lifeline[0]);
    close(reports[1]);
    // The child's number comes negated; anything positive is an errno. The pipe ends when execve succeeds.
    guard->guardian = guardian;
    guard->child = 0;
    guard->lifeline = lifeline[1];
    int32_t value;
    while (!error) {
        ssize_t count = read(reports[0], &value, sizeof value);
        if (count == sizeof value) {
            if (value > 0) error = value;
            else guard->child = -value;
        } else if (!(count < 0 && errno == EINTR)) {
            break;
        }
    }
    if (!error && guard->child == 0) error = ECHILD;
    close(reports[0]);
    if (error) {
        close(lifeline[1]);
        if (guardian > 0) while (waitpid(guardian, NULL, 0) < 0 && errno == EINTR) {}
    }
    return error;
}

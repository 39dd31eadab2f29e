#define _GNU_SOURCE
#include "CSeccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static int filter_call(int call, unsigned action) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return errno;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) return errno;
    return 0;
}

int cseccomp_forbid(int call, int error) {
    return filter_call(call, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA));
}

// MARK: Failing for a while

static atomic_int failures_left, failures;
static int failure;

// A filter stays for good, so what follows the failures is done by calls that it does not know.
static long instead(int call, const long *arguments) {
    switch (call) {
    case __NR_accept4: {
        long accepted = syscall(__NR_accept, arguments[0], arguments[1], arguments[2]);
        if (accepted < 0) return -errno;
        if (arguments[3] & SOCK_CLOEXEC) fcntl((int)accepted, F_SETFD, FD_CLOEXEC);
        if (arguments[3] & SOCK_NONBLOCK) fcntl((int)accepted, F_SETFL, O_NONBLOCK);
        return accepted;
    }
    case __NR_sendto: {
        struct iovec piece = {.iov_base = (void *)arguments[1], .iov_len = (size_t)arguments[2]};
        struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
        long sent = syscall(__NR_sendmsg, arguments[0], &message, arguments[3]);
        return sent < 0 ? -errno : sent;
    }
    default: return -ENOSYS;
    }
}

static void on_call(int signal, siginfo_t *info, void *context) {
    (void)signal;
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
#if defined(__x86_64__)
    greg_t *registers = machine->gregs;
    long arguments[] = {
        registers[REG_RDI], registers[REG_RSI], registers[REG_RDX], registers[REG_R10]};
    long *result = (long *)&registers[REG_RAX];
#else
    long arguments[4];
    for (int index = 0; index < 4; index++) arguments[index] = (long)machine->regs[index];
    long *result = (long *)&machine->regs[0];
#endif
    int error = errno;
    if (atomic_fetch_sub(&failures_left, 1) > 0) {
        atomic_fetch_add(&failures, 1);
        *result = -failure;
    } else {
        *result = instead(info->si_syscall, arguments);
    }
    errno = error;
}

int cseccomp_fail_first(int call, int error, int count) {
    failure = error;
    atomic_store(&failures_left, count);
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGSYS, &action, NULL) < 0) return errno;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return filter_call(call, SECCOMP_RET_TRAP);
}

int cseccomp_failed(void) { return atomic_load(&failures); }
int cseccomp_accept4(void) { return __NR_accept4; }
int cseccomp_sendto(void) { return __NR_sendto; }

int cseccomp_io_uring_setup(void) { return __NR_io_uring_setup; }
int cseccomp_io_uring_register(void) { return __NR_io_uring_register; }

static atomic_int signals;

static void count_signal(int signal) {
    (void)signal;
    atomic_fetch_add(&signals, 1);
}

void cseccomp_count_signal(int signal) {
    struct sigaction action = {.sa_handler = count_signal};
    sigaction(signal, &action, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    // Pool threads come with everything blocked.
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int cseccomp_signals(void) { return atomic_load(&signals); }

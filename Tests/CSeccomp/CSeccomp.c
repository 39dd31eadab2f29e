#define _GNU_SOURCE
#include "CSeccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

int cseccomp_forbid(int call, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return errno;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) return errno;
    return 0;
}

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

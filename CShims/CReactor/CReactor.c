#define _GNU_SOURCE
#include "CReactor.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

int creactor_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int creactor_semaphore(void) { return eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE); }

static sigset_t signal_set(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    return set;
}

int creactor_block_signals(const int *signals, int count) {
    sigset_t set = signal_set(signals, count);
    return pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int creactor_signalfd(const int *signals, int count) {
    sigset_t set = signal_set(signals, count);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error) {
        errno = error;
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int creactor_read_signal(int descriptor) {
    struct signalfd_siginfo info;
    ssize_t count = read(descriptor, &info, sizeof info);
    return count == sizeof info ? (int)info.ssi_signo : -1;
}

static int start_thread(
    pthread_t *thread, const char *name, int core, void (*body)(void *), void *context) {
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error) return error;
    if (core >= 0) {
        cpu_set_t *cores = CPU_ALLOC(core + 1);
        size_t size = CPU_ALLOC_SIZE(core + 1);
        if (cores) {
            CPU_ZERO_S(size, cores);
            CPU_SET_S(core, size, cores);
            error = pthread_attr_setaffinity_np(&attributes, size, cores);
            CPU_FREE(cores);
        } else {
            error = ENOMEM;
        }
    }
    if (!error) {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        error = pthread_create(thread, &attributes, (void *(*)(void *))body, context);
        if (!error) pthread_setname_np(*thread, name);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
    return error;
}

size_t creactor_heap_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

int creactor_start_thread(const char *name, void (*body)(void *), void *context) {
    pthread_t thread;
    int error = start_thread(&thread, name, -1, body, context);
    if (!error) pthread_detach(thread);
    return error;
}

int creactor_start_joinable_thread(
    pthread_t *thread, const char *name, int core, void (*body)(void *), void *context) {
    return start_thread(thread, name, core, body, context);
}

int creactor_allowed_cores(int *cores, int capacity) {
    cpu_set_t *mask = CPU_ALLOC(capacity);
    if (!mask) return -1;
    size_t size = CPU_ALLOC_SIZE(capacity);
    int count = -1;
    if (sched_getaffinity(0, size, mask) == 0) {
        count = 0;
        for (int core = 0; core < capacity; core++)
            if (CPU_ISSET_S(core, size, mask)) cores[count++] = core;
    }
    CPU_FREE(mask);
    return count;
}

int creactor_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int creactor_accept(int listener) {
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

ssize_t creactor_receive(int descriptor, void *buffer, size_t count) {
    return recv(descriptor, buffer, count, MSG_DONTWAIT);
}

ssize_t creactor_send(int descriptor, const struct iovec *vector, size_t count) {
    // send(2) spares the kernel the copy of a message header, which shows for small answers.
    if (count == 1)
        return send(descriptor, vector->iov_base, vector->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    struct msghdr message = {.msg_iov = (struct iovec *)vector, .msg_iovlen = count};
    return sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int creactor_set_option(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value);
}

int creactor_socket_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
    return error;
}

int creactor_reset_on_close(int descriptor) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    return setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

int creactor_reserve(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

int creactor_shed(int listener, int *reserve, int limit) {
    int shed = 0;
    if (*reserve >= 0) close(*reserve);
    // Some listeners block, for io_uring's sake.
    int flags = fcntl(listener, F_GETFL);
    if (flags >= 0 && !(flags & O_NONBLOCK)) fcntl(listener, F_SETFL, flags | O_NONBLOCK);
    while (shed < limit) {
        int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            close(accepted);
            shed++;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            break;
        }
    }
    if (flags >= 0 && !(flags & O_NONBLOCK)) fcntl(listener, F_SETFL, flags);
    *reserve = creactor_reserve();
    return shed;
}

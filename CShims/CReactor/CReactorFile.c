#define _GNU_SOURCE
#include "include/creactor_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int creactor_open(const char *path, int flags, unsigned mode) {
    return open(path, flags | O_CLOEXEC, (mode_t)mode);
}

int creactor_temporary(char *template) { return mkostemp(template, O_CLOEXEC); }

ssize_t creactor_send_file(int socket, int file, int64_t offset, size_t count) {
    // There is no MSG_NOSIGNAL here, so a SIGPIPE is kept from the process by other means.
    sigset_t pipe_signal, before, pending;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    sigpending(&pending);
    off_t position = offset;
    ssize_t sent = sendfile(socket, file, &position, count);
    int error = errno;
    if (sent < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
        struct timespec none = {0};
        while (sigtimedwait(&pipe_signal, NULL, &none) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return sent;
}

// The numbers and the layout are those of Linux 6.5; older headers lack them.
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

struct cache_range {
    uint64_t offset, length;
};

struct cache_state {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

int creactor_is_cached(int file, int64_t offset, int64_t count) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct cache_range range = {(uint64_t)offset, (uint64_t)count};
    struct cache_state state = {0};
    if (syscall(SYS_cachestat, file, &range, &state, 0) < 0) return -1;
    uint64_t first = range.offset / page, last = (range.offset + range.length - 1) / page;
    return state.cached >= last - first + 1;
}

int creactor_warm(int file, int64_t offset, int64_t count) {
    size_t size = 65536;
    void *buffer = malloc(size);
    if (!buffer) return ENOMEM;
    // Unlike readahead(2), reading has an end and tells of a bad disk.
    int error = 0;
    while (count > 0 && !error) {
        ssize_t step = pread(file, buffer, (size_t)count < size ? (size_t)count : size, offset);
        if (step > 0) {
            offset += step;
            count -= step;
        } else if (step == 0) {
            break;
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    free(buffer);
    return error;
}

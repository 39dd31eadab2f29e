#define _GNU_SOURCE
#include "include/creactor_uring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const unsigned needed_features = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE |
                                        IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG |
                                        IORING_FEAT_CQE_SKIP;

static int register_buffers(struct creactor_uring *uring) {
    // The kernel wants the ring of buffers on a page of its own.
    size_t size = uring->buffer_count * sizeof(struct io_uring_buf);
    void *pool = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pool == MAP_FAILED) return errno;
    uring->pool = pool;
    size_t bytes = (size_t)uring->buffer_count * uring->buffer_size;
    void *buffers = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffers == MAP_FAILED) return errno;
    uring->buffers = buffers;
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)uring->pool,
        .ring_entries = uring->buffer_count,
        .bgid = CREACTOR_URING_BUFFER_GROUP,
    };
    int result = io_uring_register_buf_ring(&uring->ring, &registration, 0);
    if (result < 0) return -result;
    io_uring_buf_ring_init(uring->pool);
    for (unsigned index = 0; index < uring->buffer_count; index++)
        creactor_uring_recycle(uring, (uint16_t)index);
    return 0;
}

static void free_memory(struct creactor_uring *uring) {
    if (uring->pool) munmap(uring->pool, uring->buffer_count * sizeof(struct io_uring_buf));
    if (uring->buffers) munmap(uring->buffers, (size_t)uring->buffer_count * uring->buffer_size);
    free(uring->messages);
    free(uring);
}

struct creactor_uring *creactor_uring_open(
    unsigned entries, unsigned completions, unsigned buffer_count, unsigned buffer_size,
    bool deferred, int *error) {
    struct creactor_uring *uring = calloc(1, sizeof *uring);
    if (!uring) {
        *error = ENOMEM;
        return NULL;
    }
    uring->buffer_count = buffer_count;
    uring->buffer_size = buffer_size;
    uring->messages = calloc(CREACTOR_URING_MESSAGES, sizeof *uring->messages);
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER |
                 (deferred ? IORING_SETUP_DEFER_TASKRUN : IORING_SETUP_COOP_TASKRUN) |
                 IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG |
                 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = completions,
    };
    int result = uring->messages
                     ? io_uring_queue_init_params(entries, &uring->ring, &parameters)
                     : -ENOMEM;
    if (result < 0) {
        *error = -result;
        free_memory(uring);
        return NULL;
    }
    *error = (parameters.features & needed_features) == needed_features ? register_buffers(uring)
                                                                       : EOPNOTSUPP;
    if (*error) {
        creactor_uring_close(uring, true);
        return NULL;
    }
    return uring;
}

int creactor_uring_enable(struct creactor_uring *uring) {
    // liburing 2.3 declares io_uring_enable_rings() but does not export it.
    int result =
        io_uring_register((unsigned)uring->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (result < 0) return -result;
    // Spares each call the look-up of the descriptor. A thread may register sixteen rings; one
    // more does without.
    (void)io_uring_register_ring_fd(&uring->ring);
    return 0;
}

void creactor_uring_close(struct creactor_uring *uring, bool on_its_thread) {
    // The registration belongs to the thread: from another one it would end somebody else's. A
    // number out of range makes the kernel refuse; the thread's end frees the registration.
    if (!on_its_thread) uring->ring.enter_ring_fd = -1;
    io_uring_queue_exit(&uring->ring);
    free_memory(uring);
}

bool creactor_uring_revoke(struct creactor_uring *uring, uint64_t user_data) {
    struct io_uring_sq *queue = &uring->ring.sq;
    unsigned tail = queue->sqe_tail;
    for (unsigned index = IO_URING_READ_ONCE(*queue->khead); index != tail; index++) {
        struct io_uring_sqe *entry = &queue->sqes[index & queue->ring_mask];
        if (entry->user_data != user_data) continue;
        io_uring_prep_nop(entry);
        io_uring_sqe_set_data64(entry, user_data);
        return true;
    }
    return false;
}

int creactor_pollable(int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) < 0) return errno;
    // What epoll_ctl(2) refuses; a poll request would find these always ready.
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) ? EPERM : 0;
}

/// Sends a byte over a socket pair and expects it in a buffer of the pool.
static const char *receive_once(struct creactor_uring *uring, int *error) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
        *error = errno;
        return "socketpair";
    }
    const char *missing = NULL;
    struct creactor_uring_completion completion = {0};
    if (send(ends[0], "!", 1, MSG_NOSIGNAL) != 1 || !creactor_uring_receive(uring, ends[1], 1)) {
        missing = "send";
    } else {
        *error = creactor_uring_wait(uring, 1000000000);
        if (*error || !creactor_uring_take(uring, &completion)) {
            missing = "io_uring_enter";
        } else if (completion.result < 0) {
            *error = -completion.result;
            missing = "multishot receive";
        } else if (
            completion.result != 1 || !creactor_uring_has_buffer(completion.flags) ||
            !creactor_uring_has_more(completion.flags)) {
            missing = "multishot receive";
        }
    }
    close(ends[0]);
    close(ends[1]);
    return missing;
}

const char *creactor_uring_probe(int *error) {
    *error = 0;
    struct creactor_uring *uring = creactor_uring_open(8, 16, 2, 64, true, error);
    if (!uring) return "io_uring_setup";
    const char *missing = NULL;
    *error = creactor_uring_enable(uring);
    if (*error) {
        missing = "io_uring_register";
    } else {
        missing = receive_once(uring, error);
    }
    creactor_uring_close(uring, true);
    return missing;
}

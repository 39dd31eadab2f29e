#ifndef CREACTOR_URING_H
#define CREACTOR_URING_H

#include <liburing.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#pragma clang assume_nonnull begin

// One ring with its pool of receive buffers. Functions that queue a request return false when
// there is no room for it until the next submission.

enum {
    CREACTOR_URING_VECTOR_MAX = 64,
    CREACTOR_URING_MESSAGES = 64,
    CREACTOR_URING_BUFFER_GROUP = 0,
};

/// What a request refers to until the kernel has taken it (IORING_FEAT_SUBMIT_STABLE).
struct creactor_uring_message {
    union {
        struct msghdr header;
        struct sockaddr_storage address;
    };
    struct iovec vector[CREACTOR_URING_VECTOR_MAX];
};

struct creactor_uring {
    struct io_uring ring;
    struct io_uring_buf_ring *_Nullable pool;
    unsigned char *_Nullable buffers;
    unsigned buffer_count;
    unsigned buffer_size;
    struct creactor_uring_message *_Nullable messages;
    unsigned messages_used;
};

/// A completion, copied out of the ring.
struct creactor_uring_completion {
    uint64_t user_data;
    int32_t result;
    uint32_t flags;
};

/// Sets up a disabled ring and its buffers (both counts powers of two). Its work runs when the
/// ring is entered (`deferred`), or when the thread returns from any system call: only then does
/// polling the ring's descriptor tell of work. Returns a ring that `creactor_uring_close` frees,
/// or NULL with `*error` an errno value.
struct creactor_uring *_Nullable creactor_uring_open(
    unsigned entries, unsigned completions, unsigned buffer_count, unsigned buffer_size,
    bool deferred, int *error);

/// Frees the ring. `on_its_thread`: whether the caller is the thread that enabled it.
void creactor_uring_close(struct creactor_uring *uring, bool on_its_thread);

/// Makes the calling thread the ring's only submitter. Returns 0 or an errno value.
int creactor_uring_enable(struct creactor_uring *uring);

/// Whether a disabled ring of this kind can be opened and does a multishot receive. Returns NULL,
/// or what is missing, with `*error` an errno value or 0.
const char *_Nullable creactor_uring_probe(int *error);

/// Turns the unsubmitted request with `user_data` into one that does nothing. Returns whether
/// there was one.
bool creactor_uring_revoke(struct creactor_uring *uring, uint64_t user_data);

/// 0 when the descriptor can be polled; else an errno value, EPERM for files.
int creactor_pollable(int descriptor);

/// Submits what is queued and waits for a completion, at most so many nanoseconds (negative: for
/// ever, 0: collects only what is there). Returns 0 or an errno value.
static inline int creactor_uring_wait(struct creactor_uring *uring, int64_t nanoseconds) {
    struct io_uring *ring = &uring->ring;
    int result = 0;
    if (nanoseconds != 0) {
        struct __kernel_timespec limit = {
            .tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
        struct io_uring_cqe *completion;
        result = io_uring_submit_and_wait_timeout(
            ring, &completion, 1, nanoseconds < 0 ? NULL : &limit, NULL);
    } else if (
        io_uring_sq_ready(ring) ||
        (IO_URING_READ_ONCE(*ring->sq.kflags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN))) {
        result = io_uring_submit_and_get_events(ring);
    }
    if (!io_uring_sq_ready(ring)) uring->messages_used = 0;
    return result < 0 ? -result : 0;
}

/// Takes the next completion out of the ring, if there is one.
static inline bool creactor_uring_take(
    struct creactor_uring *uring, struct creactor_uring_completion *completion) {
    struct io_uring_cq *queue = &uring->ring.cq;
    unsigned head = *queue->khead;
    if (head == io_uring_smp_load_acquire(queue->ktail)) return false;
    const struct io_uring_cqe *entry = &queue->cqes[head & queue->ring_mask];
    *completion = (struct creactor_uring_completion){
        .user_data = entry->user_data, .result = entry->res, .flags = entry->flags};
    io_uring_smp_store_release(queue->khead, head + 1);
    return true;
}

static inline unsigned creactor_uring_ready(const struct creactor_uring *uring) {
    return io_uring_cq_ready(&uring->ring);
}

static inline bool creactor_uring_has_unsubmitted(const struct creactor_uring *uring) {
    return io_uring_sq_ready(&uring->ring) > 0;
}

// MARK: Receive buffers

static inline bool creactor_uring_has_buffer(uint32_t flags) {
    return flags & IORING_CQE_F_BUFFER;
}

static inline bool creactor_uring_has_more(uint32_t flags) { return flags & IORING_CQE_F_MORE; }

static inline uint16_t creactor_uring_buffer_index(uint32_t flags) {
    return (uint16_t)(flags >> IORING_CQE_BUFFER_SHIFT);
}

static inline const void *creactor_uring_buffer(struct creactor_uring *uring, uint16_t index) {
    return uring->buffers + (size_t)index * uring->buffer_size;
}

/// Gives a buffer back to the kernel.
static inline void creactor_uring_recycle(struct creactor_uring *uring, uint16_t index) {
    io_uring_buf_ring_add(
        uring->pool, uring->buffers + (size_t)index * uring->buffer_size, uring->buffer_size,
        index, io_uring_buf_ring_mask(uring->buffer_count), 0);
    io_uring_buf_ring_advance(uring->pool, 1);
}

// MARK: Requests

/// Completions come until one without IORING_CQE_F_MORE. See io_uring_prep_multishot_accept(3).
static inline bool creactor_uring_accept(
    struct creactor_uring *uring, int descriptor, uint64_t user_data) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
    if (!entry) return false;
    io_uring_prep_multishot_accept(entry, descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    io_uring_sqe_set_data64(entry, user_data);
    return true;
}

/// As above, each completion with a buffer. See io_uring_prep_recv_multishot(3).
static inline bool creactor_uring_receive(
    struct creactor_uring *uring, int descriptor, uint64_t user_data) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
    if (!entry) return false;
    io_uring_prep_recv_multishot(entry, descriptor, NULL, 0, 0);
    io_uring_sqe_set_flags(entry, IOSQE_BUFFER_SELECT);
    entry->buf_group = CREACTOR_URING_BUFFER_GROUP;
    io_uring_sqe_set_data64(entry, user_data);
    return true;
}

/// The bytes stay in place until the completion; the vector itself is copied.
static inline bool creactor_uring_send(
    struct creactor_uring *uring, int descriptor, const struct iovec *vector, size_t count,
    uint64_t user_data) {
    if (count > 1 && uring->messages_used == CREACTOR_URING_MESSAGES) return false;
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
    if (!entry) return false;
    if (count == 1) {
        io_uring_prep_send(
            entry, descriptor, vector->iov_base, vector->iov_len, MSG_NOSIGNAL);
    } else {
        struct creactor_uring_message *message = &uring->messages[uring->messages_used++];
        message->header =
            (struct msghdr){.msg_iov = message->vector, .msg_iovlen = count};
        for (size_t i = 0; i < count; i++) message->vector[i] = vector[i];
        io_uring_prep_sendmsg(entry, descriptor, &message->header, MSG_NOSIGNAL);
    }
    io_uring_sqe_set_data64(entry, user_data);
    return true;
}

static inline bool creactor_uring_connect(
    struct creactor_uring *uring, int descriptor, const struct sockaddr *address,
    socklen_t length, uint64_t user_data) {
    if (uring->messages_used == CREACTOR_URING_MESSAGES) return false;
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
    if (!entry) return false;
    struct creactor_uring_message *message = &uring->messages[uring->messages_used++];
    __builtin_memcpy(&message->address, address, length);
    io_uring_prep_connect(
        entry, descriptor, (const struct sockaddr *)&message->address, length);
    io_uring_sqe_set_data64(entry, user_data);
    return true;
}

/// Completes once, with the events of poll(2). Errors and hang-ups are told in any case.
static inline bool creactor_uring_poll(
    struct creactor_uring *uring, int descriptor, uint32_t events, uint64_t user_data) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
    if (!entry) return false;
    io_uring_prep_poll_add(entry, descriptor, events);
    io_uring_sqe_set_data64(entry, user_data);
    return true;
}

/// Completes with each error or hang-up, also of one direction, until one without
/// IORING_CQE_F_MORE.
static inline bool creactor_uring_poll_errors(
    struct creactor_uring *uring, int descriptor, uint64_t user_data) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
    if (!entry) return false;
    io_uring_prep_poll_multishot(entry, descriptor, 0);
    io_uring_sqe_set_data64(entry, user_data);
    return true;
}

/// Changes the events of a poll under way; says nothing if it succeeds, and completes with
/// user data 0 if the poll has just completed.
static inline bool creactor_uring_update_poll(
    struct creactor_uring *uring, uint32_t events, uint64_t user_data) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
    if (!entry) return false;
    io_uring_prep_poll_update(entry, user_data, 0, events, IORING_POLL_UPDATE_EVENTS);
    io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
    io_uring_sqe_set_data64(entry, 0);
    return true;
}

/// Cancels a request under way, which then completes with ECANCELED; for the rest as above.
static inline bool creactor_uring_cancel(struct creactor_uring *uring, uint64_t user_data) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
    if (!entry) return false;
    io_uring_prep_cancel64(entry, user_data, 0);
    io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
    io_uring_sqe_set_data64(entry, 0);
    return true;
}

#pragma clang assume_nonnull end

#endif

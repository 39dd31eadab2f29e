#ifndef CREACTOR_URING_H
#define CREACTOR_URING_H

#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// What liburing 2.3 does not name yet, with the first Linux that has it.
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)  // 6.6
#endif
#ifndef IOU_PBUF_RING_INC
#define IOU_PBUF_RING_INC 2  // 6.12
#endif
#ifndef IORING_CQE_F_BUF_MORE
#define IORING_CQE_F_BUF_MORE (1U << 4)  // 6.12
#endif

#pragma clang assume_nonnull begin

// One ring with its pool of receive buffers.
//
// liburing 2.3 gives the constants, the layout and the preparation of requests; the ring itself is
// set up and entered here. Its setup would overwrite the queue's head where there is no index
// array, and its calls for entering do more than is needed on each turn.

enum {
    CREACTOR_URING_VECTOR_MAX = 64,
    CREACTOR_URING_MESSAGES = 64,
    CREACTOR_URING_BUFFER_GROUP = 0,
};

/// Does without the index array between the queue and its entries (IORING_SETUP_NO_SQARRAY).
static const uint32_t creactor_uring_no_array = 1;
/// One buffer serves many receives until it is full (IOU_PBUF_RING_INC).
static const uint32_t creactor_uring_incremental = 2;
/// The ring is entered by an index of the thread's own (IORING_REGISTER_RING_FDS).
static const uint32_t creactor_uring_registered = 4;

/// What a ring is made of. All sizes are powers of two.
struct creactor_uring_setup {
    unsigned entries;
    unsigned completions;
    unsigned buffer_count;
    unsigned buffer_size;
    /// Which of the optional abilities to use.
    uint32_t abilities;
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
    struct io_uring_sqe *_Nullable entries;
    /// Where the next request goes; the kernel sees `kernel_tail`.
    unsigned tail;
    unsigned entry_count;
    unsigned *_Nullable kernel_head;
    unsigned *_Nullable kernel_tail;
    unsigned *_Nullable kernel_flags;

    struct io_uring_cqe *_Nullable completions;
    unsigned completion_count;
    unsigned *_Nullable completion_head;
    unsigned *_Nullable completion_tail;

    struct io_uring_buf_ring *_Nullable pool;
    unsigned char *_Nullable buffers;
    /// How much of each buffer has been filled.
    uint32_t *_Nullable filled;
    unsigned buffer_count;
    unsigned buffer_size;

    struct creactor_uring_message *_Nullable messages;
    unsigned messages_used;

    int descriptor;
    /// The descriptor, or the index that stands for it in `enter_flags`' sense.
    int enter_descriptor;
    unsigned enter_flags;
    uint32_t abilities;
    /// How often the kernel was entered, and how often because completions had no room.
    uint64_t enters;
    uint64_t overflows;

    void *_Nullable mapping;
    size_t mapping_size;
};

/// A completion, copied out of the ring.
struct creactor_uring_completion {
    uint64_t user_data;
    int32_t result;
    uint32_t flags;
};

/// Sets up a disabled ring and its buffers. Returns a ring that `creactor_uring_close` frees, or
/// NULL with `*error` an errno value.
struct creactor_uring *_Nullable creactor_uring_open(
    const struct creactor_uring_setup *setup, int *error);

/// Frees the ring. `on_its_thread`: whether the caller is the thread that enabled it.
void creactor_uring_close(struct creactor_uring *uring, bool on_its_thread);

/// Makes the calling thread the ring's only submitter. Returns 0 or an errno value.
int creactor_uring_enable(struct creactor_uring *uring);

/// Counts an eventfd(2) up for completions and for deferred work; -1: no more. Returns 0 or an
/// errno value.
int creactor_uring_notify(struct creactor_uring *uring, int eventfd);

/// Whether rings can be opened here and do what is needed: multishot receives into provided
/// buffers. Returns NULL and sets `abilities`; or what is missing, with `*error` an errno value
/// or 0.
const char *_Nullable creactor_uring_probe(uint32_t *abilities, int *error);

/// Turns the unsubmitted request with `user_data` into one that does nothing. Returns whether
/// there was one.
bool creactor_uring_revoke(struct creactor_uring *uring, uint64_t user_data);

/// 0 when the descriptor can be polled; else an errno value, EPERM for files.
int creactor_pollable(int descriptor);

// MARK: Entering

static inline unsigned creactor_uring_unsubmitted(const struct creactor_uring *uring) {
    return uring->tail - io_uring_smp_load_acquire(uring->kernel_head);
}

static inline unsigned creactor_uring_ready(const struct creactor_uring *uring) {
    return io_uring_smp_load_acquire(uring->completion_tail) - *uring->completion_head;
}

/// Whether the kernel has completions that it will not show before it is entered.
static inline bool creactor_uring_has_deferred(const struct creactor_uring *uring) {
    return IO_URING_READ_ONCE(*uring->kernel_flags) &
           (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN);
}

/// Submits what is queued and waits for a completion, at most so many nanoseconds (negative: for
/// ever, 0: collects only what is there). Returns 0 or an errno value.
static inline int creactor_uring_wait(struct creactor_uring *uring, int64_t nanoseconds) {
    unsigned queued = creactor_uring_unsubmitted(uring);
    if (nanoseconds == 0 && !queued && !creactor_uring_has_deferred(uring)) return 0;
    if (IO_URING_READ_ONCE(*uring->kernel_flags) & IORING_SQ_CQ_OVERFLOW) uring->overflows++;
    io_uring_smp_store_release(uring->kernel_tail, uring->tail);
    struct __kernel_timespec limit = {
        .tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    struct io_uring_getevents_arg argument = {
        .sigmask_sz = _NSIG / 8, .ts = nanoseconds > 0 ? (uintptr_t)&limit : 0};
    unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | uring->enter_flags;
    uring->enters++;
    long result = syscall(
        __NR_io_uring_enter, uring->enter_descriptor, queued, nanoseconds != 0, flags, &argument,
        sizeof argument);
    if (!creactor_uring_unsubmitted(uring)) uring->messages_used = 0;
    return result < 0 ? errno : 0;
}

/// Takes the next completion out of the ring, if there is one.
static inline bool creactor_uring_take(
    struct creactor_uring *uring, struct creactor_uring_completion *completion) {
    unsigned head = *uring->completion_head;
    if (head == io_uring_smp_load_acquire(uring->completion_tail)) return false;
    const struct io_uring_cqe *entry =
        &uring->completions[head & (uring->completion_count - 1)];
    *completion = (struct creactor_uring_completion){
        .user_data = entry->user_data, .result = entry->res, .flags = entry->flags};
    io_uring_smp_store_release(uring->completion_head, head + 1);
    return true;
}

// MARK: Receive buffers

static inline bool creactor_uring_has_buffer(uint32_t flags) {
    return flags & IORING_CQE_F_BUFFER;
}

static inline bool creactor_uring_has_more(uint32_t flags) { return flags & IORING_CQE_F_MORE; }

static inline uint16_t creactor_uring_buffer_index(uint32_t flags) {
    return (uint16_t)(flags >> IORING_CQE_BUFFER_SHIFT);
}

/// Whether the kernel goes on filling the completion's buffer, which is not to be given back then.
static inline bool creactor_uring_keeps_buffer(uint32_t flags) {
    return flags & IORING_CQE_F_BUF_MORE;
}

/// The `count` bytes that a completion put into a buffer.
static inline const void *creactor_uring_filled(
    struct creactor_uring *uring, uint16_t index, uint32_t count) {
    uint32_t start = uring->filled[index];
    uring->filled[index] = start + count;
    return uring->buffers + (size_t)index * uring->buffer_size + start;
}

/// Gives a buffer back to the kernel.
static inline void creactor_uring_recycle(struct creactor_uring *uring, uint16_t index) {
    uring->filled[index] = 0;
    io_uring_buf_ring_add(
        uring->pool, uring->buffers + (size_t)index * uring->buffer_size, uring->buffer_size,
        index, io_uring_buf_ring_mask(uring->buffer_count), 0);
    io_uring_buf_ring_advance(uring->pool, 1);
}

#pragma clang assume_nonnull end

#endif

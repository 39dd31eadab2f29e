#ifndef CREACTOR_URING_REQUESTS_H
#define CREACTOR_URING_REQUESTS_H

#include "creactor_uring.h"
#include <poll.h>

#pragma clang assume_nonnull begin

// Functions that queue a request; each returns false when there is no room for it until the next
// submission.

static inline struct io_uring_sqe *_Nullable creactor_uring_entry(struct creactor_uring *uring) {
    if (creactor_uring_unsubmitted(uring) == uring->entry_count) return NULL;
    return &uring->entries[uring->tail++ & (uring->entry_count - 1)];
}

/// Completions come until one without IORING_CQE_F_MORE. See io_uring_prep_multishot_accept(3).
static inline bool creactor_uring_accept(
    struct creactor_uring *uring, int descriptor, uint64_t user_data) {
    struct io_uring_sqe *entry = creactor_uring_entry(uring);
    if (!entry) return false;
    io_uring_prep_multishot_accept(entry, descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    io_uring_sqe_set_data64(entry, user_data);
    return true;
}

/// As above, each completion with a buffer. See io_uring_prep_recv_multishot(3).
static inline bool creactor_uring_receive(
    struct creactor_uring *uring, int descriptor, uint64_t user_data) {
    struct io_uring_sqe *entry = creactor_uring_entry(uring);
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
    struct io_uring_sqe *entry = creactor_uring_entry(uring);
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
    struct io_uring_sqe *entry = creactor_uring_entry(uring);
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
    struct io_uring_sqe *entry = creactor_uring_entry(uring);
    if (!entry) return false;
    io_uring_prep_poll_add(entry, descriptor, events);
    io_uring_sqe_set_data64(entry, user_data);
    return true;
}

/// Completes with each error or hang-up, also of one direction, until one without
/// IORING_CQE_F_MORE.
static inline bool creactor_uring_poll_errors(
    struct creactor_uring *uring, int descriptor, uint64_t user_data) {
    struct io_uring_sqe *entry = creactor_uring_entry(uring);
    if (!entry) return false;
    io_uring_prep_poll_multishot(entry, descriptor, 0);
    io_uring_sqe_set_data64(entry, user_data);
    return true;
}

/// Changes the events of a poll under way; says nothing if it succeeds, and completes with
/// user data 0 if the poll has just completed.
static inline bool creactor_uring_update_poll(
    struct creactor_uring *uring, uint32_t events, uint64_t user_data) {
    struct io_uring_sqe *entry = creactor_uring_entry(uring);
    if (!entry) return false;
    io_uring_prep_poll_update(entry, user_data, 0, events, IORING_POLL_UPDATE_EVENTS);
    io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
    io_uring_sqe_set_data64(entry, 0);
    return true;
}

/// Cancels a request under way, which then completes with ECANCELED; for the rest as above.
static inline bool creactor_uring_cancel(struct creactor_uring *uring, uint64_t user_data) {
    struct io_uring_sqe *entry = creactor_uring_entry(uring);
    if (!entry) return false;
    io_uring_prep_cancel64(entry, user_data, 0);
    io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
    io_uring_sqe_set_data64(entry, 0);
    return true;
}

/// Cancels every request that refers to an open descriptor; for the rest as above.
static inline bool creactor_uring_cancel_all(struct creactor_uring *uring, int descriptor) {
    struct io_uring_sqe *entry = creactor_uring_entry(uring);
    if (!entry) return false;
    io_uring_prep_cancel_fd(entry, descriptor, IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
    io_uring_sqe_set_data64(entry, 0);
    return true;
}

#pragma clang assume_nonnull end

#endif

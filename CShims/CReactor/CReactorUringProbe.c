#define _GNU_SOURCE
#include "include/creactor_uring_requests.h"

#include <string.h>

/// Sends a byte over a socket pair and expects it in a buffer of the pool, at the place where it
/// belongs.
static const char *receive_byte(struct creactor_uring *uring, int sender, int *error) {
    if (send(sender, "!", 1, MSG_NOSIGNAL) != 1) {
        *error = errno;
        return "send";
    }
    // A signal may end the wait early.
    for (int attempt = 0; attempt < 8 && !creactor_uring_ready(uring); attempt++) {
        *error = creactor_uring_wait(uring, 1000000000);
        if (*error && *error != EINTR && *error != ETIME) return "io_uring_enter";
    }
    *error = 0;
    struct creactor_uring_completion completion;
    if (!creactor_uring_take(uring, &completion)) return "io_uring_enter";
    if (completion.result < 0) *error = -completion.result;
    if (completion.result != 1 || !creactor_uring_has_buffer(completion.flags) ||
        !creactor_uring_has_more(completion.flags))
        return "multishot receive";
    bool keeps = uring->abilities & creactor_uring_incremental;
    uint16_t index = creactor_uring_buffer_index(completion.flags);
    if (creactor_uring_keeps_buffer(completion.flags) != keeps || index >= uring->buffer_count)
        return "provided buffers";
    const char *byte = creactor_uring_filled(uring, index, 1);
    if (*byte != '!') return "provided buffers";
    if (!keeps) creactor_uring_recycle(uring, index);
    return NULL;
}

static const char *receive_bytes(struct creactor_uring *uring, int *error) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
        *error = errno;
        return "socketpair";
    }
    const char *missing = NULL;
    creactor_uring_receive(uring, ends[1], 1);
    for (int count = 0; count < 3 && !missing; count++)
        missing = receive_byte(uring, ends[0], error);
    close(ends[0]);
    close(ends[1]);
    return missing;
}

static const char *attempt(uint32_t *abilities, int *error) {
    struct creactor_uring_setup setup = {
        .entries = 8,
        .completions = 16,
        .buffer_count = 2,
        .buffer_size = 64,
        .abilities = *abilities,
    };
    *error = 0;
    struct creactor_uring *uring = creactor_uring_open(&setup, error);
    if (!uring) return "io_uring_setup";
    const char *missing = NULL;
    *error = creactor_uring_enable(uring);
    if (*error) {
        missing = "io_uring_register";
    } else {
        if (!uring->enter_flags) *abilities &= ~creactor_uring_registered;
        missing = receive_bytes(uring, error);
    }
    creactor_uring_close(uring, true);
    return missing;
}

const char *creactor_uring_probe(uint32_t *abilities, int *error) {
    const uint32_t all =
        creactor_uring_no_array | creactor_uring_incremental | creactor_uring_registered;
    // Kernels refuse the flags that they do not know, so each is left away in turn, the newest
    // first.
    const uint32_t attempts[] = {all, all & ~creactor_uring_incremental, creactor_uring_registered};
    const char *missing = NULL;
    for (size_t index = 0; index < sizeof attempts / sizeof *attempts; index++) {
        *abilities = attempts[index];
        missing = attempt(abilities, error);
        if (!missing || (*error != EINVAL && *error != 0)) break;
    }
    return missing;
}

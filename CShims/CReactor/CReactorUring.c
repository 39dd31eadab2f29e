#define _GNU_SOURCE
#include "include/creactor_uring_requests.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

// FAST_POLL: sockets wait without threads. EXT_ARG: the wait takes a timeout. SUBMIT_STABLE: what
// a request points to is read when it is submitted. NODROP: a full queue loses nothing. CQE_SKIP:
// what goes well need not say so.
static const unsigned needed_features = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP |
                                        IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL |
                                        IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP;

static int enter_register(
    const struct creactor_uring *uring, unsigned operation, void *argument, unsigned count) {
    long result =
        syscall(__NR_io_uring_register, uring->descriptor, operation, argument, count);
    return result < 0 ? errno : 0;
}

static void *map_pages(size_t size) {
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static size_t pool_size(const struct creactor_uring *uring) {
    return uring->buffer_count * sizeof(struct io_uring_buf);
}

static size_t buffers_size(const struct creactor_uring *uring) {
    return (size_t)uring->buffer_count * uring->buffer_size;
}

static int register_buffers(struct creactor_uring *uring) {
    // The kernel wants the ring of buffers on a page of its own.
    uring->pool = map_pages(pool_size(uring));
    uring->buffers = map_pages(buffers_size(uring));
    uring->filled = calloc(uring->buffer_count, sizeof *uring->filled);
    if (!uring->pool || !uring->buffers || !uring->filled) return ENOMEM;
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)uring->pool,
        .ring_entries = uring->buffer_count,
        .bgid = CREACTOR_URING_BUFFER_GROUP,
        // Later headers call it flags.
        .pad = uring->abilities & creactor_uring_incremental ? IOU_PBUF_RING_INC : 0,
    };
    int error = enter_register(uring, IORING_REGISTER_PBUF_RING, &registration, 1);
    if (error) return error;
    for (unsigned index = 0; index < uring->buffer_count; index++)
        creactor_uring_recycle(uring, (uint16_t)index);
    return 0;
}

static int map_queues(struct creactor_uring *uring, const struct io_uring_params *parameters) {
    const struct io_sqring_offsets *submission = &parameters->sq_off;
    const struct io_cqring_offsets *completion = &parameters->cq_off;
    size_t array = submission->array + parameters->sq_entries * sizeof(unsigned);
    size_t completions =
        completion->cqes + parameters->cq_entries * sizeof(struct io_uring_cqe);
    uring->mapping_size = array > completions ? array : completions;
    int protection = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;
    char *base = mmap(
        NULL, uring->mapping_size, protection, flags, uring->descriptor, IORING_OFF_SQ_RING);
    if (base == MAP_FAILED) return errno;
    uring->mapping = base;
    uring->entry_count = parameters->sq_entries;
    void *entries = mmap(
        NULL, uring->entry_count * sizeof *uring->entries, protection, flags, uring->descriptor,
        IORING_OFF_SQES);
    if (entries == MAP_FAILED) return errno;
    uring->entries = entries;
    uring->kernel_head = (unsigned *)(base + submission->head);
    uring->kernel_tail = (unsigned *)(base + submission->tail);
    uring->kernel_flags = (unsigned *)(base + submission->flags);
    uring->completion_count = parameters->cq_entries;
    uring->completion_head = (unsigned *)(base + completion->head);
    uring->completion_tail = (unsigned *)(base + completion->tail);
    uring->completions = (struct io_uring_cqe *)(base + completion->cqes);
    if (!(uring->abilities & creactor_uring_no_array)) {
        unsigned *indices = (unsigned *)(base + submission->array);
        for (unsigned index = 0; index < uring->entry_count; index++) indices[index] = index;
    }
    return 0;
}

static int set_up(struct creactor_uring *uring, const struct creactor_uring_setup *setup) {
    uring->messages = calloc(CREACTOR_URING_MESSAGES, sizeof *uring->messages);
    if (!uring->messages) return ENOMEM;
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG |
                 IORING_SETUP_CQSIZE |
                 (setup->abilities & creactor_uring_no_array ? IORING_SETUP_NO_SQARRAY : 0),
        .cq_entries = setup->completions,
    };
    long result = syscall(__NR_io_uring_setup, setup->entries, &parameters);
    if (result < 0) return errno;
    uring->descriptor = (int)result;
    uring->enter_descriptor = uring->descriptor;
    if ((parameters.features & needed_features) != needed_features) return EOPNOTSUPP;
    int error = map_queues(uring, &parameters);
    return error ? error : register_buffers(uring);
}

struct creactor_uring *creactor_uring_open(
    const struct creactor_uring_setup *setup, int *error) {
    struct creactor_uring *uring = calloc(1, sizeof *uring);
    if (!uring) {
        *error = ENOMEM;
        return NULL;
    }
    uring->descriptor = -1;
    uring->buffer_count = setup->buffer_count;
    uring->buffer_size = setup->buffer_size;
    uring->abilities = setup->abilities;
    *error = set_up(uring, setup);
    if (*error) {
        creactor_uring_close(uring, true);
        return NULL;
    }
    return uring;
}

int creactor_uring_enable(struct creactor_uring *uring) {
    int error = enter_register(uring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (error || !(uring->abilities & creactor_uring_registered)) return error;
    // Spares each call the look-up of the descriptor. A thread may register sixteen rings; one
    // more does without.
    struct io_uring_rsrc_update update = {.offset = -1U, .data = (unsigned)uring->descriptor};
    if (syscall(
            __NR_io_uring_register, uring->descriptor, IORING_REGISTER_RING_FDS, &update, 1) == 1) {
        uring->enter_descriptor = (int)update.offset;
        uring->enter_flags = IORING_ENTER_REGISTERED_RING;
    }
    return 0;
}

int creactor_uring_notify(struct creactor_uring *uring, int eventfd) {
    return eventfd < 0 ? enter_register(uring, IORING_UNREGISTER_EVENTFD, NULL, 0)
                       : enter_register(uring, IORING_REGISTER_EVENTFD, &eventfd, 1);
}

void creactor_uring_close(struct creactor_uring *uring, bool on_its_thread) {
    // From another thread the index would name somebody else's ring; the registration ends with
    // the thread then.
    if (on_its_thread && uring->enter_flags) {
        struct io_uring_rsrc_update update = {.offset = (unsigned)uring->enter_descriptor};
        enter_register(uring, IORING_UNREGISTER_RING_FDS, &update, 1);
    }
    if (uring->descriptor >= 0) close(uring->descriptor);
    if (uring->entries) munmap(uring->entries, uring->entry_count * sizeof *uring->entries);
    if (uring->mapping) munmap(uring->mapping, uring->mapping_size);
    if (uring->pool) munmap(uring->pool, pool_size(uring));
    if (uring->buffers) munmap(uring->buffers, buffers_size(uring));
    free(uring->filled);
    free(uring->messages);
    free(uring);
}

bool creactor_uring_revoke(struct creactor_uring *uring, uint64_t user_data) {
    for (unsigned index = *uring->kernel_head; index != uring->tail; index++) {
        struct io_uring_sqe *entry = &uring->entries[index & (uring->entry_count - 1)];
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

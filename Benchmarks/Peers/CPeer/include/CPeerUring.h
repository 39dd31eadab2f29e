// The ring of the io_uring servers: direct descriptors, provided buffers, one enter per turn. For one file of a
// program, which links liburing; everything is that file's own. Needs Linux 6.1.
#pragma once
#include "CPeer.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { BUFFERS = 4096, BUFFER_SIZE = 4096 };

static struct io_uring ring;
static struct io_uring_buf_ring *provided;
static char *buffers;
static int returned;       // buffers that the kernel does not know of yet
static unsigned slots;     // of the table of direct descriptors
static int *starved;       // slots whose receive ended for want of buffers
static int starved_count;

// A request whose completion says `operation` and `slot`.
static inline struct io_uring_sqe *submission(unsigned operation, int slot) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    while (!sqe) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    // The preparing functions of liburing leave the user data alone.
    sqe->user_data = (uint64_t)operation << 32 | (uint32_t)slot;
    return sqe;
}

static inline void accept_into_slots(unsigned operation, int listener) {
    struct io_uring_sqe *sqe = submission(operation, listener);
    io_uring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
}

static inline void receive_into_buffers(unsigned operation, int slot) {
    struct io_uring_sqe *sqe = submission(operation, slot);
    io_uring_prep_recv_multishot(sqe, slot, NULL, 0, 0);
    sqe->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
}

static inline char *buffer_at(uint16_t buffer) { return buffers + (size_t)buffer * BUFFER_SIZE; }

static inline void give_back(uint16_t buffer) {
    io_uring_buf_ring_add(
        provided, buffer_at(buffer), BUFFER_SIZE, buffer, BUFFERS - 1, returned++);
}

static inline void set_up_ring(void) {
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL
            | IORING_SETUP_CQSIZE,
        .cq_entries = 16384,
    };
    errno = -io_uring_queue_init_params(4096, &ring, &parameters);
    if (errno) cpeer_die("io_uring_setup");
    io_uring_register_ring_fd(&ring);
    slots = cpeer_descriptors();
    errno = -io_uring_register_files_sparse(&ring, slots);
    if (errno) cpeer_die("the table of direct descriptors");
    starved = calloc(slots, sizeof *starved);

    size_t ring_size = BUFFERS * sizeof(struct io_uring_buf);
    provided = mmap(
        NULL, ring_size + (size_t)BUFFERS * BUFFER_SIZE, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (provided == MAP_FAILED || !starved) cpeer_die("memory for the buffers");
    buffers = (char *)provided + ring_size;
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)provided, .ring_entries = BUFFERS, .bgid = 0};
    errno = -io_uring_register_buf_ring(&ring, &registration, 0);
    if (errno) cpeer_die("the ring of provided buffers");
    for (unsigned buffer = 0; buffer < BUFFERS; buffer++) give_back((uint16_t)buffer);
}

// Submits what was prepared and sleeps until something has completed.
static inline void turn(unsigned receive) {
    if (returned) {
        io_uring_buf_ring_advance(provided, returned);
        returned = 0;
        while (starved_count) receive_into_buffers(receive, starved[--starved_count]);
    }
    io_uring_submit_and_wait(&ring, 1);
}

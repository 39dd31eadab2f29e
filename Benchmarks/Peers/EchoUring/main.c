// TCP echo on io_uring: multishot accept into the table of direct descriptors, multishot receive into a ring of
// provided buffers, sent from where it was received; one enter per turn. Needs Linux 6.1.
//
//     EchoUring PORT

#include "CPeer.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BUFFERS = 4096, BUFFER_SIZE = 4096, NONE = 0xffff };
enum operation { ACCEPT, RECEIVE, SEND, CLOSE };

// Buffers that wait to be sent, first to last; the first one is being sent.
struct connection {
    uint16_t first, last;
    char is_closing;
};

static struct io_uring ring;
static struct io_uring_buf_ring *provided;
static char *buffers;
static uint16_t next_buffer[BUFFERS];
static uint32_t lengths[BUFFERS];
static struct connection *connections; // by direct descriptor
static int returned, *starved, starved_count;

static struct io_uring_sqe *submission(enum operation operation, int slot) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    while (!sqe) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    // The preparing functions leave the user data alone.
    sqe->user_data = (uint64_t)operation << 32 | (uint32_t)slot;
    return sqe;
}

static void receive(int slot) {
    struct io_uring_sqe *sqe = submission(RECEIVE, slot);
    io_uring_prep_recv_multishot(sqe, slot, NULL, 0, 0);
    sqe->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
}

static void send_first(int slot) {
    uint16_t buffer = connections[slot].first;
    struct io_uring_sqe *sqe = submission(SEND, slot);
    io_uring_prep_send(
        sqe, slot, buffers + (size_t)buffer * BUFFER_SIZE, lengths[buffer],
        MSG_WAITALL | MSG_NOSIGNAL);
    sqe->flags = IOSQE_FIXED_FILE;
}

static void give_back(uint16_t buffer) {
    io_uring_buf_ring_add(
        provided, buffers + (size_t)buffer * BUFFER_SIZE, BUFFER_SIZE, buffer, BUFFERS - 1,
        returned++);
}

// Once nothing is being sent any more: the slot may be taken by the next accept at once.
static void close_when_idle(int slot) {
    struct connection *connection = &connections[slot];
    connection->is_closing = 1;
    if (connection->first != NONE) return;
    struct io_uring_sqe *sqe = submission(CLOSE, slot);
    io_uring_prep_close_direct(sqe, (unsigned)slot);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

static void accepted(const struct io_uring_cqe *cqe, int listener) {
    if (cqe->res >= 0) {
        connections[cqe->res] = (struct connection){.first = NONE, .last = NONE};
        receive(cqe->res);
    }
    if (cqe->flags & IORING_CQE_F_MORE) return;
    struct io_uring_sqe *sqe = submission(ACCEPT, listener);
    io_uring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
}

static void received(const struct io_uring_cqe *cqe, int slot) {
    struct connection *connection = &connections[slot];
    if (cqe->res > 0) {
        uint16_t buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        lengths[buffer] = (uint32_t)cqe->res;
        next_buffer[buffer] = NONE;
        if (connection->first == NONE) {
            connection->first = connection->last = buffer;
            send_first(slot);
        } else {
            next_buffer[connection->last] = buffer;
            connection->last = buffer;
        }
    }
    if (cqe->flags & IORING_CQE_F_MORE) return;
    if (cqe->res > 0) receive(slot);
    else if (cqe->res == -ENOBUFS) starved[starved_count++] = slot;
    else close_when_idle(slot);
}

static void sent(const struct io_uring_cqe *cqe, int slot) {
    struct connection *connection = &connections[slot];
    int failed = cqe->res < (int)lengths[connection->first];
    do {
        uint16_t buffer = connection->first;
        connection->first = next_buffer[buffer];
        give_back(buffer);
    } while (failed && connection->first != NONE);
    // A peer that is gone ends the receive as well, which closes.
    if (connection->first != NONE) send_first(slot);
    else if (connection->is_closing) close_when_idle(slot);
}

static void set_up(int listener) {
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL
            | IORING_SETUP_CQSIZE,
        .cq_entries = 16384,
    };
    errno = -io_uring_queue_init_params(4096, &ring, &parameters);
    if (errno) cpeer_die("io_uring_setup");
    io_uring_register_ring_fd(&ring);
    unsigned slots = cpeer_descriptors();
    errno = -io_uring_register_files_sparse(&ring, slots);
    if (errno) cpeer_die("the table of direct descriptors");
    connections = calloc(slots, sizeof *connections);
    starved = calloc(slots, sizeof *starved);

    size_t ring_size = BUFFERS * sizeof(struct io_uring_buf);
    provided = mmap(
        NULL, ring_size + (size_t)BUFFERS * BUFFER_SIZE, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (provided == MAP_FAILED) cpeer_die("mmap");
    buffers = (char *)provided + ring_size;
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)provided, .ring_entries = BUFFERS, .bgid = 0};
    errno = -io_uring_register_buf_ring(&ring, &registration, 0);
    if (errno) cpeer_die("the ring of provided buffers");
    for (unsigned buffer = 0; buffer < BUFFERS; buffer++) give_back((uint16_t)buffer);

    struct io_uring_sqe *sqe = submission(ACCEPT, listener);
    io_uring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int listener = cpeer_listen(argv[1]);
    set_up(listener);
    for (;;) {
        if (returned) {
            io_uring_buf_ring_advance(provided, returned);
            returned = 0;
            while (starved_count) receive(starved[--starved_count]);
        }
        io_uring_submit_and_wait(&ring, 1);
        struct io_uring_cqe *cqe;
        unsigned head, count = 0;
        io_uring_for_each_cqe(&ring, head, cqe) {
            int slot = (int)(uint32_t)cqe->user_data;
            switch ((enum operation)(cqe->user_data >> 32)) {
            case ACCEPT: accepted(cqe, listener); break;
            case RECEIVE: received(cqe, slot); break;
            case SEND: sent(cqe, slot); break;
            case CLOSE: break;
            }
            count++;
        }
        io_uring_cq_advance(&ring, count);
    }
}

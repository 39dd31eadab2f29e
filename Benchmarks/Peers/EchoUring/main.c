// TCP echo on io_uring: multishot accept into the table of direct descriptors, multishot receive into a ring of
// provided buffers, sent from where it was received; one enter per turn. Needs Linux 6.1.
//
//     EchoUring PORT

#include "CPeerUring.h"

enum { NONE = 0xffff };
enum operation { ACCEPT, RECEIVE, SEND, CLOSE };

// Buffers that wait to be sent, first to last; the first one is being sent.
struct connection {
    uint16_t first, last;
    char is_closing;
};

static uint16_t next_buffer[BUFFERS];
static uint32_t lengths[BUFFERS];
static struct connection *connections; // by direct descriptor

static void send_first(int slot) {
    uint16_t buffer = connections[slot].first;
    struct io_uring_sqe *sqe = submission(SEND, slot);
    io_uring_prep_send(
        sqe, slot, buffer_at(buffer), lengths[buffer], MSG_WAITALL | MSG_NOSIGNAL);
    sqe->flags = IOSQE_FIXED_FILE;
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
        receive_into_buffers(RECEIVE, cqe->res);
    }
    if (!(cqe->flags & IORING_CQE_F_MORE)) accept_into_slots(ACCEPT, listener);
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
    if (cqe->res > 0) receive_into_buffers(RECEIVE, slot);
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

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int listener = cpeer_listen(argv[1]);
    set_up_ring();
    connections = calloc(slots, sizeof *connections);
    accept_into_slots(ACCEPT, listener);
    for (;;) {
        turn(RECEIVE);
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

// The HTTP/1.1 server of HTTPEpoll on io_uring: multishot accept into direct descriptors, multishot receive into
// provided buffers, from where requests are parsed in place; one send under way per connection.
//
//     HTTPUring PORT

#include "CPeerHTTP.h"
#include "CPeerUring.h"

#include <string.h>
#include <sys/socket.h>

enum operation { ACCEPT, RECEIVE, SEND, OTHER };
enum { BLOCK_BYTES = 16 << 10, INPUT_MAX = 256 << 10 };

// Output that is being sent, to one peer or to many.
struct block {
    struct block *next; // of the free ones
    uint32_t references, count;
    char bytes[BLOCK_BYTES];
};

struct bytes {
    size_t count;
    char bytes[];
};

struct connection {
    struct bytes *input;            // of a request that is not complete, or cannot be served yet
    struct block *sending, *behind; // what is sent now, and after that
    uint32_t parked;                // its place in the list and 1; 0: it is not there
    char ends, is_closing;
};

static struct connection *connections; // by direct descriptor
static int *parked;
static uint32_t parked_count;
static struct block *free_blocks;

static struct block *take_block(void) {
    struct block *block = free_blocks;
    if (block) free_blocks = block->next;
    else if (!(block = malloc(sizeof *block))) cpeer_die("malloc");
    block->references = 1;
    block->count = 0;
    return block;
}

static void let_go(struct block *block) {
    if (!block || --block->references) return;
    block->next = free_blocks;
    free_blocks = block;
}

static void send_block(int slot) {
    struct block *block = connections[slot].sending;
    struct io_uring_sqe *sqe = submission(SEND, slot);
    io_uring_prep_send(sqe, slot, block->bytes, block->count, MSG_WAITALL | MSG_NOSIGNAL);
    sqe->flags = IOSQE_FIXED_FILE;
}

// Passes on one reference.
static void deliver(int slot, struct block *block) {
    struct connection *connection = &connections[slot];
    if (connection->sending) {
        connection->behind = block;
    } else {
        connection->sending = block;
        send_block(slot);
    }
}

// Ends the receive, which closes the connection.
static void hang_up(int slot) {
    struct io_uring_sqe *sqe = submission(OTHER, slot);
    io_uring_prep_shutdown(sqe, slot, SHUT_RDWR);
    sqe->flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
}

// The slot may be taken by the next accept, so nothing may be under way.
static void close_when_idle(int slot) {
    struct connection *connection = &connections[slot];
    connection->is_closing = 1;
    if (connection->sending) return;
    if (connection->parked) {
        int last = parked[--parked_count];
        parked[connection->parked - 1] = last;
        connections[last].parked = connection->parked;
    }
    free(connection->input);
    *connection = (struct connection){0};
    struct io_uring_sqe *sqe = submission(OTHER, slot);
    io_uring_prep_close_direct(sqe, (unsigned)slot);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

static void append(struct block *block, const struct http_response *response) {
    memcpy(block->bytes + block->count, response->bytes, response->count);
    block->count += (uint32_t)response->count;
}

static void process(int slot, const char *bytes, size_t count);

static void process_kept(int slot) {
    struct bytes *kept = connections[slot].input;
    if (!kept) return;
    connections[slot].input = NULL;
    process(slot, kept->bytes, kept->count);
    free(kept);
}

// Rendered once for everybody.
static void release(void) {
    struct block *block = take_block();
    append(block, http_response(HTTP_WAIT));
    uint32_t count = parked_count;
    parked_count = 0;
    for (uint32_t index = 0; index < count; index++) {
        int slot = parked[index];
        connections[slot].parked = 0;
        block->references++;
        deliver(slot, block);
    }
    let_go(block);
}

static void respond(int slot, enum http_route route, struct block *output) {
    struct http_response counted;
    switch (route) {
    case HTTP_WAIT:
        parked[parked_count++] = slot;
        connections[slot].parked = parked_count;
        break;
    case HTTP_PARKED:
        http_count_response(parked_count, &counted);
        append(output, &counted);
        break;
    default: append(output, http_response(route));
    }
}

static void keep(int slot, const char *bytes, size_t count) {
    struct bytes **input = &connections[slot].input;
    size_t before = *input ? (*input)->count : 0;
    if (before + count > INPUT_MAX) return hang_up(slot);
    *input = realloc(*input, sizeof **input + before + count);
    if (!*input) cpeer_die("realloc");
    memcpy((*input)->bytes + before, bytes, count);
    (*input)->count = before + count;
}

// Answers the complete requests of `bytes` with one send, as far as that holds, and keeps the rest.
static void process(int slot, const char *bytes, size_t count) {
    struct connection *connection = &connections[slot];
    struct block *output = take_block();
    struct http_request request;
    size_t used = 0;
    int is_partial = 0, releases = 0;
    while (used < count && !is_partial && !connection->parked && !connection->ends
           && output->count + sizeof(struct http_response) <= BLOCK_BYTES) {
        switch (http_parse(bytes + used, count - used, &request)) {
        case HTTP_COMPLETE:
            used += request.count;
            connection->ends = !request.keeps_alive;
            releases |= request.route == HTTP_RELEASE;
            respond(slot, request.route, output);
            break;
        case HTTP_PARTIAL: is_partial = 1; break;
        case HTTP_MALFORMED:
            append(output, &http_bad_request);
            connection->ends = 1;
        }
    }
    if (output->count) deliver(slot, output);
    else let_go(output);
    if (used < count && !connection->ends) keep(slot, bytes + used, count - used);
    if (releases) release();
}

static void received(const struct io_uring_cqe *cqe, int slot) {
    struct connection *connection = &connections[slot];
    if (cqe->res > 0) {
        uint16_t buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        const char *bytes = buffer_at(buffer);
        size_t count = (size_t)cqe->res;
        int waits = connection->sending || connection->parked;
        if (!connection->input && !waits) {
            process(slot, bytes, count);
        } else {
            keep(slot, bytes, count);
            const struct bytes *input = connection->input;
            if (!waits && http_has_head(input->bytes, input->count)) process_kept(slot);
        }
        give_back(buffer);
    }
    if (cqe->flags & IORING_CQE_F_MORE) return;
    if (cqe->res > 0) receive_into_buffers(RECEIVE, slot);
    else if (cqe->res == -ENOBUFS) starved[starved_count++] = slot;
    else close_when_idle(slot);
}

static void sent(const struct io_uring_cqe *cqe, int slot) {
    struct connection *connection = &connections[slot];
    int failed = cqe->res < (int)connection->sending->count;
    let_go(connection->sending);
    connection->sending = NULL;
    if (connection->behind && !failed) {
        connection->sending = connection->behind;
        connection->behind = NULL;
        return send_block(slot);
    }
    let_go(connection->behind);
    connection->behind = NULL;
    if (connection->is_closing) close_when_idle(slot);
    else if (failed || (connection->ends && !connection->parked)) hang_up(slot);
    else if (!connection->parked) process_kept(slot);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int listener = cpeer_listen(argv[1]);
    set_up_ring();
    connections = calloc(slots, sizeof *connections);
    parked = calloc(slots, sizeof *parked);
    accept_into_slots(ACCEPT, listener);
    for (;;) {
        turn(RECEIVE);
        struct io_uring_cqe *cqe;
        unsigned head, count = 0;
        io_uring_for_each_cqe(&ring, head, cqe) {
            int slot = (int)(uint32_t)cqe->user_data;
            switch ((enum operation)(cqe->user_data >> 32)) {
            case ACCEPT:
                if (cqe->res >= 0) receive_into_buffers(RECEIVE, cqe->res);
                if (!(cqe->flags & IORING_CQE_F_MORE)) accept_into_slots(ACCEPT, listener);
                break;
            case RECEIVE: received(cqe, slot); break;
            case SEND: sent(cqe, slot); break;
            case OTHER: break;
            }
            count++;
        }
        io_uring_cq_advance(&ring, count);
    }
}

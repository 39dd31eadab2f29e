// A small HTTP/1.1 server on epoll: keep-alive, pipelining, parked requests. Level-triggered, one receive and one
// send per readiness; a connection that owes nothing and is owed nothing holds no buffer.
//
//     HTTPEpoll PORT
//
// GET / answers at once; /wait is parked until somebody asks for /release; /parked tells how many are.

#include "CPeer.h"
#include "CPeerHTTP.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct bytes {
    size_t count;
    char bytes[];
};

struct connection {
    struct bytes *input;  // of a request that is not complete, or behind a parked one
    struct bytes *output; // what the kernel has not taken
    uint32_t parked;      // its place in the list and 1; 0: it is not there
    char is_open, ends;
};

static int poller;
static struct connection *connections; // by descriptor
static int *parked;
static uint32_t parked_count;
static char input[64 << 10], output[64 << 10];
static size_t output_count;

static void watch(int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(poller, operation, fd, &event)) cpeer_die("epoll_ctl");
}

static struct bytes *copy(const char *bytes, size_t count) {
    struct bytes *copy = malloc(sizeof *copy + count);
    if (!copy) cpeer_die("malloc");
    copy->count = count;
    memcpy(copy->bytes, bytes, count);
    return copy;
}

static void unpark(int fd) {
    uint32_t place = connections[fd].parked;
    if (!place) return;
    int last = parked[--parked_count];
    parked[place - 1] = last;
    connections[last].parked = place;
    connections[fd].parked = 0;
}

static void drop(int fd) {
    struct connection *connection = &connections[fd];
    unpark(fd);
    free(connection->input);
    free(connection->output);
    *connection = (struct connection){0};
    close(fd);
}

// Sends what can be sent, keeps the rest and reads no more until it is gone.
static void deliver(int fd, const char *bytes, size_t count) {
    struct connection *connection = &connections[fd];
    struct bytes *before = connection->output;
    if (before) {
        connection->output = realloc(before, sizeof *before + before->count + count);
        if (!connection->output) cpeer_die("realloc");
        memcpy(connection->output->bytes + connection->output->count, bytes, count);
        connection->output->count += count;
        return;
    }
    ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return drop(fd);
    if (sent < 0) sent = 0;
    if ((size_t)sent < count) {
        connection->output = copy(bytes + sent, count - (size_t)sent);
        watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
    } else if (connection->ends && !connection->parked) {
        drop(fd);
    }
}

static void append(const struct http_response *response) {
    memcpy(output + output_count, response->bytes, response->count);
    output_count += response->count;
}

static void process(int fd, const char *bytes, size_t count);

// Rendered once for everybody. Who has pipelined more behind the parked request is served on.
static void release(void) {
    const struct http_response *response = http_response(HTTP_WAIT);
    uint32_t count = parked_count;
    parked_count = 0;
    for (uint32_t index = 0; index < count; index++) {
        int fd = parked[index];
        connections[fd].parked = 0;
        deliver(fd, response->bytes, response->count);
        struct bytes *more = connections[fd].input;
        if (!more || connections[fd].output) continue;
        connections[fd].input = NULL;
        process(fd, more->bytes, more->count);
        free(more);
    }
}

static void respond(int fd, enum http_route route) {
    struct http_response counted;
    switch (route) {
    case HTTP_WAIT:
        parked[parked_count++] = fd;
        connections[fd].parked = parked_count;
        break;
    case HTTP_PARKED:
        http_count_response(parked_count, &counted);
        append(&counted);
        break;
    default: append(http_response(route));
    }
}

// Answers the complete requests of `bytes` with one send, unless there are very many, and keeps the rest.
static void process(int fd, const char *bytes, size_t count) {
    struct connection *connection = &connections[fd];
    struct http_request request;
    size_t used = 0;
    int is_partial = 0, releases = 0;
    while (used < count && !is_partial && connection->is_open && !connection->output
           && !connection->parked && !connection->ends) {
        if (output_count + sizeof(struct http_response) > sizeof output) {
            deliver(fd, output, output_count);
            output_count = 0;
            continue;
        }
        switch (http_parse(bytes + used, count - used, &request)) {
        case HTTP_COMPLETE:
            used += request.count;
            connection->ends = !request.keeps_alive;
            releases |= request.route == HTTP_RELEASE;
            respond(fd, request.route);
            break;
        case HTTP_PARTIAL: is_partial = 1; break;
        case HTTP_MALFORMED:
            append(&http_bad_request);
            connection->ends = 1;
        }
    }
    if (output_count && connection->is_open) deliver(fd, output, output_count);
    output_count = 0;
    if (connection->is_open && used < count) {
        if (count - used > HTTP_REQUEST_MAX) drop(fd);
        else connection->input = copy(bytes + used, count - used);
    }
    if (releases) release();
}

static void receive(int fd) {
    struct connection *connection = &connections[fd];
    struct bytes *kept = connection->input;
    size_t before = kept ? kept->count : 0;
    if (kept) memcpy(input, kept->bytes, before);
    ssize_t count = recv(fd, input + before, sizeof input - before, 0);
    if (count <= 0) {
        if (count == 0 || errno != EAGAIN) drop(fd);
        return;
    }
    size_t total = before + (size_t)count;
    free(kept);
    connection->input = NULL;
    if (!connection->parked && (!kept || http_has_head(input, total))) process(fd, input, total);
    else if (total > HTTP_REQUEST_MAX) drop(fd);
    else connection->input = copy(input, total);
}

static void write_rest(int fd) {
    struct connection *connection = &connections[fd];
    struct bytes *rest = connection->output, *kept = connection->input;
    connection->output = NULL;
    deliver(fd, rest->bytes, rest->count);
    free(rest);
    if (!connection->is_open || connection->output) return;
    watch(EPOLL_CTL_MOD, fd, EPOLLIN);
    if (!kept || connection->parked) return;
    connection->input = NULL;
    process(fd, kept->bytes, kept->count);
    free(kept);
}

static void accept_all(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        connections[fd] = (struct connection){.is_open = 1};
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int listener = cpeer_listen(argv[1]);
    connections = calloc(cpeer_descriptors(), sizeof *connections);
    parked = calloc(cpeer_descriptors(), sizeof *parked);
    poller = epoll_create1(EPOLL_CLOEXEC);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    struct epoll_event events[512];
    for (;;) {
        int count = epoll_wait(poller, events, 512, -1);
        for (int index = 0; index < count; index++) {
            int fd = events[index].data.fd;
            if (fd == listener) accept_all(listener);
            else if (!connections[fd].is_open) continue;
            else if (connections[fd].output) write_rest(fd);
            else receive(fd);
        }
    }
}

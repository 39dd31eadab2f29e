// Echo clients in a closed loop: each connection has one message under way, checks every byte that comes back
// and sends the next message. Prints one line of JSON: what was done in the measured seconds, and the CPU time
// of the server (process PID, another one) and of this process meanwhile.
//
//     EchoLoad PORT CONNECTIONS BYTES WARM-UP-SECONDS SECONDS PID

#include "CPeer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PHASES = 4096 };

struct client {
    int fd;
    uint32_t received, sent; // of the message under way
    uint32_t phase;          // where in the pattern it begins
    int waits;               // for room to send the rest
};

static char *pattern, *buffer;
static uint32_t size;
static int poller;
static uint64_t echoed;

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void send_message(struct client *client) {
    ssize_t count = send(
        client->fd, pattern + client->phase + client->sent, size - client->sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) cpeer_die("send");
    if (count > 0) client->sent += (uint32_t)count;
    int waits = client->sent < size;
    if (waits == client->waits) return;
    client->waits = waits;
    struct epoll_event event = {
        .events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = client};
    epoll_ctl(poller, EPOLL_CTL_MOD, client->fd, &event);
}

static void next_message(struct client *client) {
    client->received = client->sent = 0;
    client->phase = (client->phase * 5 + 1) % PHASES;
    send_message(client);
}

static void handle(struct client *client) {
    if (client->sent < size) send_message(client);
    uint32_t expected = client->sent - client->received;
    // One byte more than may come, so that a surplus is seen.
    ssize_t count = recv(client->fd, buffer, expected + 1, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) cpeer_die("recv");
    if (count == 0) fail("The server closed a connection.");
    if (count > expected) fail("More came back than was sent.");
    if (memcmp(buffer, pattern + client->phase + client->received, (size_t)count))
        fail("What came back is not what was sent.");
    client->received += (uint32_t)count;
    if (client->received < size) return;
    echoed++;
    next_message(client);
}

static void run_until(uint64_t end) {
    struct epoll_event events[1024];
    while (cpeer_now() < end) {
        int count = epoll_wait(poller, events, 1024, 1000);
        for (int index = 0; index < count; index++) handle(events[index].data.ptr);
    }
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    int port = atoi(argv[1]), connections = atoi(argv[2]), pid = atoi(argv[6]);
    size = (uint32_t)atoi(argv[3]);
    double warm_up = atof(argv[4]), seconds = atof(argv[5]);
    cpeer_descriptors();
    pattern = malloc(size + PHASES);
    buffer = malloc(size + 1);
    uint32_t random = 2463534242;
    for (uint32_t index = 0; index < size + PHASES; index++) {
        random ^= random << 13, random ^= random >> 17, random ^= random << 5;
        pattern[index] = (char)random;
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct client *clients = calloc((size_t)connections, sizeof *clients);
    for (int index = 0; index < connections; index++) {
        struct client *client = &clients[index];
        client->fd = cpeer_connect(port, (unsigned)index);
        client->phase = (uint32_t)index * 31 % PHASES;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        epoll_ctl(poller, EPOLL_CTL_ADD, client->fd, &event);
    }
    for (int index = 0; index < connections; index++) next_message(&clients[index]);

    uint64_t start = cpeer_now();
    run_until(start + (uint64_t)(warm_up * 1e9));
    struct cpeer_cpu server = cpeer_cpu(pid), own = cpeer_cpu(getpid());
    uint64_t begin = cpeer_now(), before = echoed;
    run_until(begin + (uint64_t)(seconds * 1e9));
    uint64_t took = cpeer_now() - begin;
    struct cpeer_cpu server_end = cpeer_cpu(pid), own_end = cpeer_cpu(getpid());
    printf(
        "{\"operations\":%lu,\"nanoseconds\":%lu,\"cpu\":%lu,\"user\":%lu,\"system\":%lu,"
        "\"load\":%lu}\n",
        echoed - before, took, server_end.nanoseconds - server.nanoseconds,
        server_end.user_ticks - server.user_ticks, server_end.system_ticks - server.system_ticks,
        own_end.nanoseconds - own.nanoseconds);
    return 0;
}

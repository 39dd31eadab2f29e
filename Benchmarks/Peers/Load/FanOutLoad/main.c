// Parks many HTTP requests, has them released at once and reads and checks every response, wave after wave.
// Prints one line of JSON: the responses, the time from asking for the release to the last one's end, and the
// CPU time of the server (process PID) from before the release until it is at rest again; "parking" is what it
// took before that to read the requests and park them.
//
//     FanOutLoad PORT CONNECTIONS BODY-BYTES WAVES PID

#include "CPeer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char wait_request[] = "GET /wait HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static const char parked_request[] = "GET /parked HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static const char release_request[] = "GET /release HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

struct client {
    int fd;
    uint32_t received;
    char bytes[2048]; // of the response, from its beginning
};

static size_t body_size;
static int poller;

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void ask(int fd, const char *request) {
    ssize_t count = (ssize_t)strlen(request);
    if (send(fd, request, (size_t)count, MSG_NOSIGNAL) != count) cpeer_die("send");
}

// The length of the response at the beginning of `bytes`, checked; 0 while it is not complete.
static size_t response_length(const char *bytes, size_t count, size_t *body) {
    const char *end = memmem(bytes, count, "\r\n\r\n", 4);
    if (!end) return 0;
    if (strncmp(bytes, "HTTP/1.1 200 ", 13)) fail("A response is not 200.");
    for (const char *line = strchr(bytes, '\n'); line && line < end; line = strchr(line + 1, '\n')) {
        if (strncasecmp(line + 1, "Content-Length:", 15)) continue;
        *body = strtoul(line + 16, NULL, 10);
        size_t length = (size_t)(end + 4 - bytes) + *body;
        return length <= count ? length : 0;
    }
    fail("A response does not tell its length.");
}

// Reads what has come; whether the response is complete.
static int read_response(struct client *client) {
    ssize_t count = recv(
        client->fd, client->bytes + client->received, sizeof client->bytes - 1 - client->received, 0);
    if (count < 0 && errno == EAGAIN) return 0;
    if (count <= 0) fail("The server closed a parked connection.");
    client->received += (uint32_t)count;
    client->bytes[client->received] = 0;
    size_t body = 0, length = response_length(client->bytes, client->received, &body);
    if (!length) return 0;
    if (body != body_size || length != client->received) fail("A response has the wrong length.");
    for (size_t index = length - body; index < length; index++)
        if (client->bytes[index] != 'x') fail("A response has the wrong body.");
    client->received = 0;
    return 1;
}

// Asks and waits for the answer, whose body is returned as a number.
static unsigned long control(int fd, const char *request) {
    char bytes[2048];
    size_t received = 0, body = 0;
    if (request) ask(fd, request);
    for (;;) {
        ssize_t count = recv(fd, bytes + received, sizeof bytes - 1 - received, 0);
        if (count < 0 && errno == EAGAIN) {
            usleep(200);
            continue;
        }
        if (count <= 0) fail("The server closed the connection that controls it.");
        received += (size_t)count;
        bytes[received] = 0;
        if (response_length(bytes, received, &body)) return strtoul(bytes + received - body, NULL, 10);
    }
}

static void read_all(int connections) {
    struct epoll_event events[1024];
    for (int left = connections; left;) {
        int count = epoll_wait(poller, events, 1024, 10000);
        if (!count) fail("Responses did not come.");
        for (int index = 0; index < count; index++) left -= read_response(events[index].data.ptr);
    }
}

static void park_all(const struct client *clients, unsigned connections, int controller) {
    for (unsigned index = 0; index < connections; index++) ask(clients[index].fd, wait_request);
    for (int tries = 0; control(controller, parked_request) < connections; tries++) {
        if (tries == 10000) fail("Not all requests were parked.");
        usleep(1000);
    }
    usleep(20000);
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    int port = atoi(argv[1]), waves = atoi(argv[4]), pid = atoi(argv[5]);
    unsigned connections = (unsigned)atoi(argv[2]);
    body_size = (size_t)atoi(argv[3]);
    cpeer_descriptors();
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct client *clients = calloc(connections, sizeof *clients);
    for (unsigned index = 0; index < connections; index++) {
        clients[index].fd = cpeer_connect(port, index);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[index]};
        epoll_ctl(poller, EPOLL_CTL_ADD, clients[index].fd, &event);
    }
    int controller = cpeer_connect(port, connections);
    uint64_t took = 0, parking = 0, cpu = 0, user = 0, system = 0, own = 0;
    for (int wave = -1; wave < waves; wave++) {
        struct cpeer_cpu before = cpeer_cpu(pid);
        park_all(clients, connections, controller);
        struct cpeer_cpu server = cpeer_cpu(pid), load = cpeer_cpu(getpid());
        uint64_t begin = cpeer_now();
        ask(controller, release_request);
        read_all((int)connections);
        uint64_t end = cpeer_now();
        struct cpeer_cpu load_end = cpeer_cpu(getpid());
        control(controller, NULL);
        usleep(20000);
        struct cpeer_cpu server_end = cpeer_cpu(pid);
        if (wave < 0) continue; // The first one warms up.
        took += end - begin;
        parking += server.nanoseconds - before.nanoseconds;
        cpu += server_end.nanoseconds - server.nanoseconds;
        user += server_end.user_ticks - server.user_ticks;
        system += server_end.system_ticks - server.system_ticks;
        own += load_end.nanoseconds - load.nanoseconds;
    }
    printf(
        "{\"operations\":%lu,\"nanoseconds\":%lu,\"cpu\":%lu,\"user\":%lu,\"system\":%lu,"
        "\"parking\":%lu,\"load\":%lu}\n",
        (uint64_t)connections * (uint64_t)waves, took, cpu, user, system, parking, own);
    return 0;
}

// HTTP clients in a closed loop: each connection has one request under way and takes the next one of the file when
// it is answered. Every answer must be 200. Prints one line of JSON: how many requests, in which time, and how long
// the middle one and the slowest hundredth took.
//
//     RequestLoad PORT CONNECTIONS FILE SECONDS
//
// A line of FILE is `METHOD PATH TOKEN BODY`, the body perhaps empty; every `{n}` in the path becomes a number that
// no other request of any run has. The lines are taken again and again for so many seconds; with 0 seconds each is
// taken once.

#include "CPeer.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct line {
    char *method, *path, *token, *body;
};

struct client {
    int fd;
    char *out, *in;
    size_t out_size, out_capacity, sent;
    size_t received, in_capacity;
    size_t header; // the bytes before the body, 0 as long as they are not known
    size_t length; // of the body
    size_t cursor; // up to where the chunks of the body were walked
    int is_chunked, waits;
    uint64_t begun;
};

static struct line *lines;
static size_t line_count, next_line;
static uint64_t serial, ends_at;
static int poller, repeats;
static unsigned busy;
static uint32_t *times; // of each request, in microseconds
static size_t done, times_capacity;

static _Noreturn void fail(const char *what, const char *detail) {
    fprintf(stderr, "%s\n%.2000s\n", what, detail);
    exit(1);
}

static void *grown(void *memory, size_t size) {
    void *larger = realloc(memory, size);
    if (larger == NULL) cpeer_die("realloc");
    return larger;
}

static char *word(char **rest) {
    char *start = *rest, *end = strchr(start, ' ');
    if (end == NULL) fail("a line needs a method, a path, a token and a body:", start);
    *end = 0;
    *rest = end + 1;
    return start;
}

static void read_lines(const char *path) {
    FILE *file = fopen(path, "r");
    if (file == NULL) cpeer_die(path);
    char *text = NULL;
    size_t capacity = 0;
    ssize_t count;
    while ((count = getline(&text, &capacity, file)) > 0) {
        if (text[count - 1] == '\n') text[count - 1] = 0;
        char *rest = strdup(text);
        if (rest == NULL) cpeer_die("strdup");
        if ((line_count & (line_count + 1)) == 0)
            lines = grown(lines, (2 * line_count + 2) * sizeof *lines);
        struct line *line = &lines[line_count++];
        line->method = word(&rest);
        line->path = word(&rest);
        line->token = word(&rest);
        line->body = rest;
    }
    free(text);
    fclose(file);
    if (line_count == 0) fail("there is no request in", path);
}

static void append(struct client *client, const char *text, size_t size) {
    if (client->out_size + size > client->out_capacity) {
        client->out_capacity = 2 * (client->out_size + size);
        client->out = grown(client->out, client->out_capacity);
    }
    memcpy(client->out + client->out_size, text, size);
    client->out_size += size;
}

static void watch(struct client *client, int operation) {
    struct epoll_event event = {
        .events = client->waits ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = client};
    if (epoll_ctl(poller, operation, client->fd, &event) < 0) cpeer_die("epoll_ctl");
}

static void send_rest(struct client *client) {
    ssize_t count = send(
        client->fd, client->out + client->sent, client->out_size - client->sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) cpeer_die("send");
    if (count > 0) client->sent += (size_t)count;
    int waits = client->sent < client->out_size;
    if (waits == client->waits) return;
    client->waits = waits;
    watch(client, EPOLL_CTL_MOD);
}

// Sends the next request, if there is one.
static void begin(struct client *client) {
    uint64_t now = cpeer_now();
    if (repeats ? now >= ends_at : next_line == line_count) {
        busy--;
        close(client->fd);
        return;
    }
    struct line *line = &lines[next_line % line_count];
    next_line++;
    client->out_size = client->sent = client->received = client->header = 0;
    append(client, line->method, strlen(line->method));
    append(client, " ", 1);
    char number[32];
    int digits = snprintf(number, sizeof number, "%llu", (unsigned long long)serial++);
    const char *rest = line->path, *mark;
    while ((mark = strstr(rest, "{n}")) != NULL) {
        append(client, rest, (size_t)(mark - rest));
        append(client, number, (size_t)digits);
        rest = mark + 3;
    }
    append(client, rest, strlen(rest));
    char fields[512];
    int size = snprintf(
        fields, sizeof fields,
        " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: %zu\r\n"
        "Content-Type: application/json\r\n\r\n",
        line->token, strlen(line->body));
    if (size >= (int)sizeof fields) fail("a token is too long:", line->token);
    append(client, fields, (size_t)size);
    append(client, line->body, strlen(line->body));
    client->begun = now;
    send_rest(client);
}

static void read_header(struct client *client) {
    char *end = memmem(client->in, client->received, "\r\n\r\n", 4);
    if (end == NULL) return;
    end[2] = 0;
    client->header = (size_t)(end - client->in) + 4;
    if (strncmp(client->in, "HTTP/1.1 200", 12) != 0) {
        client->in[client->received] = 0;
        end[2] = '\r';
        fail("not answered with 200:", client->in);
    }
    char *length = strcasestr(client->in, "\r\ncontent-length:");
    client->is_chunked = strcasestr(client->in, "\r\ntransfer-encoding: chunked") != NULL;
    if (length == NULL && !client->is_chunked) fail("an answer without an end:", client->in);
    client->length = length ? strtoul(length + 17, NULL, 10) : 0;
    client->cursor = client->header;
}

static int chunks_are_complete(struct client *client) {
    client->in[client->received] = 0;
    for (;;) {
        char *start = client->in + client->cursor, *end = strstr(start, "\r\n");
        if (end == NULL) return 0;
        size_t size = strtoul(start, NULL, 16);
        size_t next = (size_t)(end - client->in) + 2 + size + 2;
        if (next > client->received) return 0;
        client->cursor = next;
        if (size == 0) return 1;
    }
}

static int is_complete(struct client *client) {
    if (client->header == 0) read_header(client);
    if (client->header == 0) return 0;
    if (client->is_chunked) return chunks_are_complete(client);
    return client->received >= client->header + client->length;
}

static void handle(struct client *client) {
    if (client->waits) send_rest(client);
    if (client->in_capacity - client->received < 65536) {
        client->in_capacity = 2 * client->in_capacity + 131072;
        client->in = grown(client->in, client->in_capacity);
    }
    // One byte is left for a NUL.
    ssize_t count = recv(
        client->fd, client->in + client->received, client->in_capacity - client->received - 1, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("a connection was closed", "");
    client->received += (size_t)count;
    if (!is_complete(client)) return;
    if (done == times_capacity) {
        times_capacity = 2 * times_capacity + 4096;
        times = grown(times, times_capacity * sizeof *times);
    }
    times[done++] = (uint32_t)((cpeer_now() - client->begun) / 1000);
    begin(client);
}

static int compare(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

int main(int count, char **arguments) {
    if (count != 5) fail("usage: RequestLoad PORT CONNECTIONS FILE SECONDS", "");
    int port = atoi(arguments[1]);
    unsigned connections = (unsigned)atoi(arguments[2]);
    read_lines(arguments[3]);
    double seconds = atof(arguments[4]);
    repeats = seconds > 0;
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) cpeer_die("epoll_create1");
    uint64_t start = cpeer_now();
    // Runs follow each other, so the clock's beginnings differ by more than a run has requests.
    serial = start / 1000;
    ends_at = start + (uint64_t)(seconds * 1e9);
    struct client *clients = calloc(connections, sizeof *clients);
    if (clients == NULL) cpeer_die("calloc");
    busy = connections;
    for (unsigned index = 0; index < connections; index++) {
        clients[index].fd = cpeer_connect(port, index);
        watch(&clients[index], EPOLL_CTL_ADD);
        begin(&clients[index]);
    }
    struct epoll_event events[256];
    while (busy > 0) {
        int ready = epoll_wait(poller, events, 256, -1);
        if (ready < 0 && errno != EINTR) cpeer_die("epoll_wait");
        for (int index = 0; index < ready; index++) handle(events[index].data.ptr);
    }
    double elapsed = (double)(cpeer_now() - start) / 1e9;
    qsort(times, done, sizeof *times, compare);
    printf(
        "{\"requests\": %zu, \"seconds\": %.6f, \"median\": %.3f, \"p99\": %.3f}\n", done, elapsed,
        done ? times[done / 2] / 1e3 : 0.0, done ? times[done * 99 / 100] / 1e3 : 0.0);
    return 0;
}

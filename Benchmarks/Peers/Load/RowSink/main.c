// Receives rows of a stream on many connections: from a replication main, or from Redis, to which it also
// publishes them. Every connection must get every row, in order. One line of JSON tells what was done in the
// measured seconds, and the CPU time of the server (process PID, another one) and of this process meanwhile.
//
//     RowSink main|redis PORT WORKERS BATCH WINDOW WARM-UP-SECONDS SECONDS PID
//     RowSink main-stalled|redis-stalled PORT 2 BATCH WINDOW WARM-UP-SECONDS SECONDS PID
//     RowSink redis-latency PORT 1 RATE 0 WARM-UP-SECONDS SECONDS PID
//     RowSink main-follow PORT 1 0 0 WARM-UP-SECONDS SECONDS PID
//
// At most WINDOW rows are under way: a main is told with FEDERATION_ACK what all workers have, Redis is published
// to in batches. Stalled: the second connection never reads, and the server's memory is watched.

#include "CPeer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 256 << 10, SAMPLES = 4 << 20 };

struct worker {
    int fd;
    uint64_t token; // the last one that came; 0 before the first
    size_t held;    // the beginning of an unfinished line
    char *line;
    int is_ready;
};

static struct worker *workers;
static int count, is_redis, is_stalled, is_paced, is_silent, has_times, poller, publisher = -1;
static uint64_t batch, window, published, replied, acknowledged, received;
static char buffer[BUFFER];
static uint64_t *samples;
static size_t sample_count;

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void send_all(int fd, const char *bytes, size_t size) {
    while (size) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) continue;
        if (sent < 0) cpeer_die("send");
        bytes += sent, size -= (size_t)sent;
    }
}

static void take_line(struct worker *worker, const char *line, size_t size) {
    if (size > 9 && !memcmp(line, "POSITION ", 9)) worker->is_ready = 1;
    if (size > 0 && line[0] == '*' && is_redis) worker->is_ready = 1;
    if (size < 14 || memcmp(line, "RDATA events ", 13)) return;
    uint64_t token = 0;
    const char *digit = line + 13;
    while (*digit >= '0' && *digit <= '9') token = token * 10 + (uint64_t)(*digit++ - '0');
    if (worker->token && token != worker->token + 1) fail("A row was lost, or came twice.");
    worker->token = token;
    received++;
    if (!has_times || sample_count == SAMPLES) return;
    // ["$1234… is when it was published.
    samples[sample_count++] = cpeer_now() - strtoull(digit + 4, NULL, 10);
}

static void take(struct worker *worker) {
    memcpy(buffer, worker->line, worker->held);
    ssize_t got = recv(worker->fd, buffer + worker->held, BUFFER - worker->held, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) fail("The server closed a connection.");
    char *start = buffer, *end = buffer + worker->held + got, *newline;
    while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
        take_line(worker, start, (size_t)(newline - start));
        start = newline + 1;
    }
    worker->held = (size_t)(end - start);
    if (worker->held >= BUFFER / 2) fail("A line is too long.");
    worker->line = realloc(worker->line, worker->held + 1);
    memcpy(worker->line, start, worker->held);
}

// What every worker that reads has.
static uint64_t least(void) {
    uint64_t token = UINT64_MAX;
    for (int index = 0; index < (is_stalled ? 1 : count); index++)
        if (workers[index].token < token) token = workers[index].token;
    return token;
}

static void publish(uint64_t rows) {
    static char *commands;
    if (!commands) commands = malloc(1 << 20);
    size_t size = 0;
    for (uint64_t index = 0; index < rows; index++) {
        char row[256];
        uint64_t token = ++published;
        int length = snprintf(
            row, sizeof row,
            "RDATA events %lu [\"$%043lu\",\"!BeamlineBenchmarkRoom:example.org\",\"m.room.message\",null,null]",
            token, has_times ? cpeer_now() : token);
        size += (size_t)sprintf(
            commands + size, "*3\r\n$7\r\nPUBLISH\r\n$4\r\nrows\r\n$%d\r\n%s\r\n", length, row);
        if (size > (1 << 20) - 1024) send_all(publisher, commands, size), size = 0;
    }
    send_all(publisher, commands, size);
}

static void take_replies(void) {
    ssize_t got = recv(publisher, buffer, BUFFER, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) cpeer_die("redis");
    for (ssize_t index = 0; index < got; index++) replied += buffer[index] == '\n';
}

// Lets the server go on as far as the window allows.
static void refill(void) {
    uint64_t done = least();
    if (is_redis) {
        if (!is_paced)
            while (published + batch <= done + window) publish(batch);
    } else if (!is_silent && (done >= acknowledged + batch || (done > acknowledged && batch == 1))) {
        char line[64];
        int size = snprintf(line, sizeof line, "FEDERATION_ACK %lu\n", done);
        acknowledged = done;
        send_all(workers[0].fd, line, (size_t)size);
    }
}

static void run_until(uint64_t end) {
    struct epoll_event events[256];
    static uint64_t began;
    if (!began) began = cpeer_now();
    while (cpeer_now() < end) {
        int ready = epoll_wait(poller, events, 256, is_paced ? 1 : is_silent ? 1000 : 10);
        for (int index = 0; index < ready; index++) {
            if (events[index].data.ptr) take(events[index].data.ptr);
            else take_replies();
        }
        refill();
        if (!is_paced) continue;
        uint64_t due = (cpeer_now() - began) * batch / 1000000000u;
        if (due > published) publish(due - published);
    }
}

static uint64_t resident(int pid) {
    char path[32];
    unsigned long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%*u %lu", &pages) != 1) cpeer_die(path);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void watch(int fd, void *owner) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = owner};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) cpeer_die("epoll_ctl");
}

static void connect_all(int port) {
    const char *hello =
        is_redis ? "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nrows\r\n" : "NAME sink\nREPLICATE events NOW\n";
    for (int index = 0; index < count; index++) {
        struct worker *worker = &workers[index];
        worker->fd = cpeer_connect(port, (unsigned)index);
        worker->line = malloc(1);
        send_all(worker->fd, hello, strlen(hello));
        watch(worker->fd, worker);
    }
    if (is_redis) {
        publisher = cpeer_connect(port, (unsigned)count);
        watch(publisher, NULL);
    }
    struct epoll_event events[256];
    for (int ready = 0; ready < count;) {
        int found = epoll_wait(poller, events, 256, 5000);
        if (found <= 0) fail("The server does not let us subscribe.");
        for (int index = 0; index < found; index++)
            if (events[index].data.ptr) take(events[index].data.ptr);
        ready = 0;
        for (int index = 0; index < count; index++) ready += workers[index].is_ready;
    }
    if (is_stalled) epoll_ctl(poller, EPOLL_CTL_DEL, workers[1].fd, NULL);
    if (!is_redis && !is_silent) send_all(workers[0].fd, "FEDERATION_ACK 0\n", 17);
}

static int ascending(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void watch_memory(int pid, double seconds) {
    uint64_t before = resident(pid), highest = before, end = cpeer_now() + (uint64_t)(seconds * 1e9);
    while (cpeer_now() < end) {
        run_until(cpeer_now() + 5000000);
        uint64_t now = resident(pid);
        if (now > highest) highest = now;
    }
    // What has been sent is read first; then it shows whether the server has given the connection up.
    int is_cut = 0;
    uint64_t limit = cpeer_now() + 2000000000u;
    while (!is_cut && cpeer_now() < limit) {
        ssize_t got = recv(workers[1].fd, buffer, BUFFER, 0);
        is_cut = got == 0 || (got < 0 && errno != EAGAIN);
    }
    printf(
        "{\"rows\":%lu,\"growth\":%lu,\"cut\":%d}\n", received, highest - before, is_cut);
}

int main(int argc, char **argv) {
    if (argc != 9) return 2;
    const char *mode = argv[1];
    is_redis = !strncmp(mode, "redis", 5);
    is_stalled = strstr(mode, "stalled") != NULL;
    has_times = strstr(mode, "latency") != NULL;
    is_silent = strstr(mode, "follow") != NULL;
    is_paced = has_times;
    count = atoi(argv[3]);
    batch = strtoull(argv[4], NULL, 10);
    window = strtoull(argv[5], NULL, 10);
    double warm_up = atof(argv[6]), seconds = atof(argv[7]);
    int pid = atoi(argv[8]);
    cpeer_descriptors();
    workers = calloc((size_t)count, sizeof *workers);
    if (has_times) samples = malloc(SAMPLES * sizeof *samples);
    poller = epoll_create1(EPOLL_CLOEXEC);
    connect_all(atoi(argv[2]));
    if (is_stalled) {
        watch_memory(pid, seconds);
        return 0;
    }
    run_until(cpeer_now() + (uint64_t)(warm_up * 1e9));
    struct cpeer_cpu server = cpeer_cpu(pid), own = cpeer_cpu(getpid());
    uint64_t begin = cpeer_now(), before = received;
    sample_count = 0;
    run_until(begin + (uint64_t)(seconds * 1e9));
    uint64_t took = cpeer_now() - begin;
    struct cpeer_cpu server_end = cpeer_cpu(pid), own_end = cpeer_cpu(getpid());
    if (received == before) fail("No row came.");
    printf(
        "{\"operations\":%lu,\"nanoseconds\":%lu,\"cpu\":%lu,\"user\":%lu,\"system\":%lu,\"load\":%lu",
        received - before, took, server_end.nanoseconds - server.nanoseconds,
        server_end.user_ticks - server.user_ticks, server_end.system_ticks - server.system_ticks,
        own_end.nanoseconds - own.nanoseconds);
    if (has_times) {
        qsort(samples, sample_count, sizeof *samples, ascending);
        printf(
            ",\"median\":%lu,\"p99\":%lu", samples[sample_count / 2],
            samples[sample_count * 99 / 100]);
    }
    printf("}\n");
    return 0;
}

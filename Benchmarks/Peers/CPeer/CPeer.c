#include "CPeer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Noreturn void cpeer_die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

unsigned cpeer_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 1 << 20 ? 1 << 20 : (unsigned)limit.rlim_cur;
}

int cpeer_listen(const char *port) {
    signal(SIGPIPE, SIG_IGN);
    cpeer_descriptors();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(port)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (bind(listener, (struct sockaddr *)&address, sizeof address)) cpeer_die("bind");
    if (listen(listener, 4096)) cpeer_die("listen");
    return listener;
}

uint64_t cpeer_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

struct cpeer_cpu cpeer_cpu(int pid) {
    struct cpeer_cpu cpu = {0};
    clockid_t clock;
    struct timespec time;
    errno = clock_getcpuclockid(pid, &clock);
    if (errno || clock_gettime(clock, &time)) cpeer_die("the server's CPU time");
    cpu.nanoseconds = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;

    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) cpeer_die(path);
    size_t count = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[count] = 0;
    // The name may hold anything; the fields that follow its last parenthesis begin with the third.
    const char *field = strrchr(text, ')');
    for (int index = 2; field && index < 14; index++) field = strchr(field + 1, ' ');
    if (field) sscanf(field, "%lu %lu", &cpu.user_ticks, &cpu.system_ticks);
    return cpu;
}

int cpeer_connect(int port, unsigned index) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) cpeer_die("socket");
    int on = 1;
    struct linger reset = {.l_onoff = 1};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    // The port is chosen when connecting, so that it need not be free for every destination.
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + index / 20000),
    };
    if (bind(fd, (struct sockaddr *)&source, sizeof source)) cpeer_die("bind");
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) cpeer_die("connect");
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

void cpeer_pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    sched_setaffinity(0, sizeof set, &set);
}

void cpeer_exchange(int fd, int is_http) {
    const char *request =
        is_http ? "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" : "It was here and is idle now.";
    char response[1024];
    size_t received = 0;
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) cpeer_die("send");
    for (;;) {
        ssize_t count = recv(fd, response + received, sizeof response - 1 - received, 0);
        if (count < 0 && errno == EAGAIN) continue;
        if (count <= 0) cpeer_die("recv");
        received += (size_t)count;
        response[received] = 0;
        if (is_http ? strstr(response, "Hello, World!") != NULL : !strcmp(response, request)) return;
    }
}

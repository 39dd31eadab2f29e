// TCP echo on epoll: level-triggered, one receive per readiness, written at once from the one buffer. Only
// what the kernel does not take is kept, and then nothing more is read from that peer until it is gone.
//
//     EchoEpoll PORT

#include "CPeer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct rest {
    size_t count;
    char bytes[];
};

static int poller;
static struct rest **rests; // by descriptor
static char buffer[64 << 10];

static void watch(int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(poller, operation, fd, &event)) cpeer_die("epoll_ctl");
}

static void drop(int fd) {
    free(rests[fd]);
    rests[fd] = NULL;
    close(fd);
}

static void keep(int fd, const char *bytes, size_t count) {
    struct rest *rest = malloc(sizeof *rest + count);
    if (!rest) cpeer_die("malloc");
    rest->count = count;
    memcpy(rest->bytes, bytes, count);
    rests[fd] = rest;
}

static void accept_all(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
}

static void echo(int fd) {
    ssize_t count = recv(fd, buffer, sizeof buffer, 0);
    if (count <= 0) {
        if (count == 0 || errno != EAGAIN) drop(fd);
        return;
    }
    ssize_t sent = send(fd, buffer, (size_t)count, MSG_NOSIGNAL);
    if (sent == count) return;
    if (sent < 0) {
        if (errno != EAGAIN) return drop(fd);
        sent = 0;
    }
    keep(fd, buffer + sent, (size_t)(count - sent));
    watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void write_rest(int fd) {
    struct rest *rest = rests[fd];
    ssize_t sent = send(fd, rest->bytes, rest->count, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) drop(fd);
        return;
    }
    rest->count -= (size_t)sent;
    memmove(rest->bytes, rest->bytes + sent, rest->count);
    if (rest->count) return;
    free(rest);
    rests[fd] = NULL;
    watch(EPOLL_CTL_MOD, fd, EPOLLIN);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int listener = cpeer_listen(argv[1]);
    rests = calloc(cpeer_descriptors(), sizeof *rests);
    poller = epoll_create1(EPOLL_CLOEXEC);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    struct epoll_event events[512];
    for (;;) {
        int count = epoll_wait(poller, events, 512, -1);
        for (int index = 0; index < count; index++) {
            int fd = events[index].data.fd;
            if (fd == listener) accept_all(listener);
            else if (rests[fd]) write_rest(fd);
            else echo(fd);
        }
    }
}

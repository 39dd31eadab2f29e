#ifndef CREACTOR_EPOLL_H
#define CREACTOR_EPOLL_H

#include <stdint.h>
#include <sys/epoll.h>

// glibc spells some of these as enumerators and some as macros, which Swift imports as different
// types. One spelling and one type for each:
static const uint32_t creactor_epollin = EPOLLIN;
static const uint32_t creactor_epollout = EPOLLOUT;
static const uint32_t creactor_epollerr = EPOLLERR;
static const uint32_t creactor_epollhup = EPOLLHUP;
static const uint32_t creactor_epollrdhup = EPOLLRDHUP;

/// epoll_create1(2) with EPOLL_CLOEXEC.
static inline int creactor_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

/// epoll_ctl(2) without the struct.
static inline int creactor_epoll_control(
    int poll, int operation, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return epoll_ctl(poll, operation, descriptor, &event);
}

#endif

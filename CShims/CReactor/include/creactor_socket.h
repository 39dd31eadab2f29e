#ifndef CREACTOR_SOCKET_H
#define CREACTOR_SOCKET_H

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>

#pragma clang assume_nonnull begin

/// A non-blocking, close-on-exec stream socket of `family` (AF_INET, AF_INET6, AF_UNIX), or -1.
int creactor_stream_socket(int family);

/// accept4(2): the next connection, non-blocking and close-on-exec, or -1.
int creactor_accept(int listener);

/// recv(2) that never blocks.
ssize_t creactor_receive(int descriptor, void *buffer, size_t count);

/// sendmsg(2) of a vector that never blocks and never raises SIGPIPE.
ssize_t creactor_send(int descriptor, const struct iovec *vector, size_t count);

/// Sets an integer socket option; returns 0 or -1.
int creactor_set_option(int descriptor, int level, int name, int value);

/// The pending error of a socket (SO_ERROR), which reading clears.
int creactor_socket_error(int descriptor);

/// Makes the next close(2) send a reset instead of lingering (SO_LINGER with a time of zero).
int creactor_reset_on_close(int descriptor);

/// A descriptor without a use, kept so that one can be had when there is none left; or -1.
int creactor_reserve(void);

/// Accepts and closes what waits at a listener, at most so many, with the reserve's descriptor:
/// gives that up first and opens another at the end (-1 if that fails). Returns how many.
int creactor_shed(int listener, int *reserve, int limit);

#pragma clang assume_nonnull end

#endif

#ifndef CTESTSUPPORT_H
#define CTESTSUPPORT_H

// In Swift the names of the kinds of sockets (SOCK_STREAM and so on) belong to whichever of the imported C modules
// was built first, so that a test which uses them compiles today and not tomorrow. Hence these.

/// A stream socket of a family such as AF_INET, closed on exec; blocking. -1 and errno if there is none.
int ctest_stream_socket(int family);

/// A datagram socket of a family.
int ctest_datagram_socket(int family);

/// Two connected stream sockets. 0, or -1 and errno.
int ctest_socket_pair(int ends[_Nonnull 2]);

#endif

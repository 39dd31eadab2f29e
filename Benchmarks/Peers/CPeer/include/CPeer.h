// What the C programs of the benchmarks share.
#pragma once
#include <stdint.h>

// Prints what failed, with errno's text, and ends the process.
_Noreturn void cpeer_die(const char *what);

// A non-blocking socket that listens on 127.0.0.1 with TCP_NODELAY, which accepted sockets inherit. Raises the
// limit of descriptors to what is allowed and ignores SIGPIPE on the way.
int cpeer_listen(const char *port);

// The number of descriptors that this process may have, raised to what is allowed.
unsigned cpeer_descriptors(void);

// CPU time of a process with all its threads.
struct cpeer_cpu {
    uint64_t nanoseconds;             // exact
    uint64_t user_ticks, system_ticks; // the kernel's estimate of how it divides
};
struct cpeer_cpu cpeer_cpu(int pid);

// The monotonic clock in nanoseconds.
uint64_t cpeer_now(void);

// Connects to a port of 127.0.0.1 from the `index`th connection's source address, 20,000 to an address,
// because ports run out. The socket does not block afterwards and leaves no TIME_WAIT behind.
int cpeer_connect(int port, unsigned index);

// Keeps the calling thread on a core.
void cpeer_pin(int core);

// Sends a short message, or a request for /, to a server that echoes, or says hello, and reads the answer.
void cpeer_exchange(int fd, int is_http);

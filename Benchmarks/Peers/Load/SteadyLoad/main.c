// How often a server allocates once everything has been used before: 64 connections exchange messages in turn, and
// what FILE counts (see Allocations) is read before and after the second half. Prints one line of JSON.
//
//     SteadyLoad PORT echo|http FILE

#include "CPeer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS = 64, ROUNDS = 200 };

static uint64_t counted(const char *path) {
    uint64_t value;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, &value, sizeof value) != sizeof value) cpeer_die(path);
    close(file);
    return value;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int port = atoi(argv[1]), is_http = !strcmp(argv[2], "http"), connections[CONNECTIONS];
    for (int index = 0; index < CONNECTIONS; index++)
        connections[index] = cpeer_connect(port, (unsigned)index);
    uint64_t before = 0;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        if (round == ROUNDS) before = counted(argv[3]);
        for (int index = 0; index < CONNECTIONS; index++)
            cpeer_exchange(connections[index], is_http);
    }
    printf(
        "{\"operations\":%d,\"allocations\":%lu}\n", CONNECTIONS * ROUNDS,
        counted(argv[3]) - before);
    return 0;
}

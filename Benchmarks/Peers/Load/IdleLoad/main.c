// What a connection costs that has been used once and lies idle. Prints one line of JSON: by how many bytes the
// server's (process PID) private memory has grown, and by how many the kernel's slabs and socket buffers have,
// which hold this end of the connections too.
//
//     IdleLoad PORT CONNECTIONS echo|http PID

#include "CPeer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The value in bytes of a line `name: N kB`.
static uint64_t kilobytes(const char *path, const char *name) {
    FILE *file = fopen(path, "r");
    if (!file) cpeer_die(path);
    char line[256];
    uint64_t value = 0;
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name))) value = strtoull(line + strlen(name), NULL, 10);
    fclose(file);
    return value * 1024;
}

static uint64_t user_memory(int pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    return kilobytes(path, "Pss_Anon:");
}

static uint64_t kernel_memory(void) { return kilobytes("/proc/meminfo", "Slab:"); }

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    int port = atoi(argv[1]), is_http = !strcmp(argv[3], "http"), pid = atoi(argv[4]);
    unsigned connections = (unsigned)atoi(argv[2]);
    if (cpeer_descriptors() < connections + 64) {
        fprintf(stderr, "not so many descriptors are allowed\n");
        return 1;
    }
    // What is allocated once, for the first connections, is not a connection's; nor are pools of buffers that
    // are taken in turn, which this goes through.
    for (unsigned index = 0; index < 64; index++) {
        int fd = cpeer_connect(port, connections + index);
        for (int round = 0; round < 256; round++) cpeer_exchange(fd, is_http);
        close(fd);
    }
    usleep(300000);
    uint64_t user = user_memory(pid), kernel = kernel_memory();
    for (unsigned index = 0; index < connections; index++)
        cpeer_exchange(cpeer_connect(port, index), is_http);
    usleep(1000000);
    printf(
        "{\"connections\":%u,\"user\":%ld,\"kernel\":%ld}\n", connections,
        (long)(user_memory(pid) - user), (long)(kernel_memory() - kernel));
    return 0;
}

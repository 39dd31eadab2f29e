// TCP echo on libuv: one buffer for all reads, written at once by uv_try_write; only what the kernel does not
// take is copied and queued.
//
//     EchoUV PORT

#include "CPeer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct later {
    uv_write_t request;
    char bytes[];
};

static char buffer[64 << 10];

static void freed(uv_handle_t *handle) { free(handle); }

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *lent) {
    (void)handle, (void)suggested;
    *lent = uv_buf_init(buffer, sizeof buffer);
}

static void written(uv_write_t *request, int status) {
    (void)status;
    free(request);
}

static void echo(uv_stream_t *stream, ssize_t count, const uv_buf_t *lent) {
    if (count < 0) return uv_close((uv_handle_t *)stream, freed);
    uv_buf_t bytes = uv_buf_init(lent->base, (unsigned)count);
    int sent = uv_try_write(stream, &bytes, 1);
    if (sent == count) return;
    if (sent < 0) {
        if (sent != UV_EAGAIN) return uv_close((uv_handle_t *)stream, freed);
        sent = 0;
    }
    struct later *later = malloc(sizeof *later + (size_t)(count - sent));
    if (!later) cpeer_die("malloc");
    memcpy(later->bytes, lent->base + sent, (size_t)(count - sent));
    bytes = uv_buf_init(later->bytes, (unsigned)(count - sent));
    uv_write(&later->request, stream, &bytes, 1, written);
}

static void accept_one(uv_stream_t *listener, int status) {
    if (status) return;
    uv_tcp_t *client = malloc(sizeof *client);
    if (!client) cpeer_die("malloc");
    uv_tcp_init(listener->loop, client);
    if (uv_accept(listener, (uv_stream_t *)client)) return uv_close((uv_handle_t *)client, freed);
    uv_tcp_nodelay(client, 1);
    uv_read_start((uv_stream_t *)client, lend, echo);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    cpeer_descriptors();
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    struct sockaddr_in address;
    uv_tcp_init(loop, &listener);
    uv_ip4_addr("127.0.0.1", atoi(argv[1]), &address);
    errno = -uv_tcp_bind(&listener, (struct sockaddr *)&address, 0);
    if (!errno) errno = -uv_listen((uv_stream_t *)&listener, 4096, accept_one);
    if (errno) cpeer_die("listen");
    signal(SIGPIPE, SIG_IGN);
    return uv_run(loop, UV_RUN_DEFAULT);
}

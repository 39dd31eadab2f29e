// HTTP/1.1 as both C servers speak it.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum http_route { HTTP_HELLO, HTTP_WAIT, HTTP_PARKED, HTTP_RELEASE, HTTP_UNKNOWN };

struct http_request {
    enum http_route route;
    int keeps_alive;
    size_t count; // of all its bytes, with the body
};

enum http_outcome { HTTP_COMPLETE, HTTP_PARTIAL, HTTP_MALFORMED };

// The longest request, with its body.
enum { HTTP_REQUEST_MAX = 16 << 10 };

// Reads the request at the beginning of `bytes`.
enum http_outcome http_parse(const char *bytes, size_t count, struct http_request *request);

// Whether the end of a head is there, so that one that trickles in is not read from its beginning each time.
int http_has_head(const char *bytes, size_t count);

// A whole response, with the date of this second.
struct http_response {
    size_t count;
    char bytes[1536];
};

// To every route but HTTP_PARKED. The response to HTTP_WAIT is what is sent on release.
const struct http_response *http_response(enum http_route route);

// To HTTP_PARKED.
void http_count_response(unsigned parked, struct http_response *response);

extern const struct http_response http_bad_request;

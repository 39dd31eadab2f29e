#include "CPeerHTTP.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

// Of the characters of a token (RFC 9110, 5.6.2), of a target and of a field's value.
enum { TOKEN = 1, TARGET = 2, VALUE = 4 };
static const unsigned char kinds[256] = {
    ['\t'] = VALUE, [' '] = VALUE, ['!'] = 7, ['"'] = 6, ['#'] = 7, ['$'] = 7, ['%'] = 7,
    ['&'] = 7, ['\''] = 7, ['('] = 6, [')'] = 6, ['*'] = 7, ['+'] = 7, [','] = 6, ['-'] = 7,
    ['.'] = 7, ['/'] = 6, ['0' ... '9'] = 7, [':' ... '@'] = 6, ['A' ... 'Z'] = 7, ['['] = 6,
    ['\\'] = 6, [']'] = 6, ['^' ... 'z'] = 7, ['{'] = 6, ['|'] = 7, ['}'] = 6, ['~'] = 7,
    [128 ... 255] = VALUE,
};

static const char *skip(const char *at, const char *end, unsigned char kind) {
    while (at < end && kinds[(unsigned char)*at] & kind) at++;
    return at;
}

static int is(const char *name, size_t count, const char *text) {
    return count == strlen(text) && !strncasecmp(name, text, count);
}

static enum http_route route(const char *method, size_t method_count, const char *target, size_t count) {
    if (method_count != 3 || memcmp(method, "GET", 3)) return HTTP_UNKNOWN;
    if (count == 1 && *target == '/') return HTTP_HELLO;
    if (is(target, count, "/wait")) return HTTP_WAIT;
    if (is(target, count, "/parked")) return HTTP_PARKED;
    if (is(target, count, "/release")) return HTTP_RELEASE;
    return HTTP_UNKNOWN;
}

struct facts {
    int has_host, has_length;
    size_t length;
};

// What a field means for the message; 0 if it must not be.
static int note(
    const char *name, size_t name_count, const char *value, size_t count, struct facts *facts,
    struct http_request *request) {
    if (is(name, name_count, "Host")) return !facts->has_host++;
    if (is(name, name_count, "Connection")) {
        if (is(value, count, "close")) request->keeps_alive = 0;
        else if (is(value, count, "keep-alive")) request->keeps_alive = 1;
        return 1;
    }
    if (is(name, name_count, "Transfer-Encoding")) return 0;
    if (!is(name, name_count, "Content-Length")) return 1;
    if (facts->has_length++ || !count || count > 6) return 0;
    for (size_t index = 0; index < count; index++) {
        if (value[index] < '0' || value[index] > '9') return 0;
        facts->length = facts->length * 10 + (size_t)(value[index] - '0');
    }
    return 1;
}

static enum http_outcome unfinished(const char *at, const char *end) {
    return at == end ? HTTP_PARTIAL : HTTP_MALFORMED;
}

enum http_outcome http_parse(const char *bytes, size_t count, struct http_request *request) {
    const char *end = bytes + count;
    const char *method_end = skip(bytes, end, TOKEN);
    if (method_end == end || *method_end != ' ') return unfinished(method_end, end);
    const char *target = method_end + 1, *target_end = skip(target, end, TARGET);
    if (target_end == end || *target_end != ' ') return unfinished(target_end, end);
    const char *at = target_end + 1;
    if (end - at < 10) return HTTP_PARTIAL;
    if (memcmp(at, "HTTP/1.", 7) || (at[7] != '0' && at[7] != '1') || at[8] != '\r' || at[9] != '\n')
        return HTTP_MALFORMED;
    int minor = at[7] - '0';
    at += 10;
    request->route = route(bytes, (size_t)(method_end - bytes), target, (size_t)(target_end - target));
    request->keeps_alive = minor;
    struct facts facts = {0};
    for (;;) {
        if (end - at < 2) return HTTP_PARTIAL;
        if (*at == '\r') break;
        const char *name_end = skip(at, end, TOKEN);
        if (name_end == end || *name_end != ':' || name_end == at) return unfinished(name_end, end);
        const char *value = name_end + 1;
        while (value < end && (*value == ' ' || *value == '\t')) value++;
        const char *line_end = skip(value, end, VALUE), *value_end = line_end;
        if (end - line_end < 2) return HTTP_PARTIAL;
        if (line_end[0] != '\r' || line_end[1] != '\n') return HTTP_MALFORMED;
        while (value_end > value && (value_end[-1] == ' ' || value_end[-1] == '\t')) value_end--;
        if (!note(at, (size_t)(name_end - at), value, (size_t)(value_end - value), &facts, request))
            return HTTP_MALFORMED;
        at = line_end + 2;
    }
    if (at[1] != '\n' || (minor == 1 && !facts.has_host)) return HTTP_MALFORMED;
    request->count = (size_t)(at + 2 - bytes) + facts.length;
    if (request->count > HTTP_REQUEST_MAX) return HTTP_MALFORMED;
    return request->count <= count ? HTTP_COMPLETE : HTTP_PARTIAL;
}

int http_has_head(const char *bytes, size_t count) {
    return memmem(bytes, count, "\r\n\r\n", 4) != NULL;
}

const struct http_response http_bad_request = {
    .count = 66,
    .bytes = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
};

static void render(
    struct http_response *response, const char *status, const char *type, const char *body,
    size_t count, time_t second) {
    char date[32];
    struct tm time;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&second, &time));
    response->count = (size_t)snprintf(
        response->bytes, sizeof response->bytes,
        "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status, date,
        type, count);
    memcpy(response->bytes + response->count, body, count);
    response->count += count;
}

static time_t current_second(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

const struct http_response *http_response(enum http_route route) {
    static struct http_response responses[HTTP_UNKNOWN + 1];
    static time_t rendered;
    time_t now = current_second();
    if (now != rendered) {
        rendered = now;
        char released[1024];
        memset(released, 'x', sizeof released);
        const char *hello = "Hello, World!", *unknown = "Not found\n";
        render(&responses[HTTP_HELLO], "200 OK", "text/plain", hello, strlen(hello), now);
        render(&responses[HTTP_WAIT], "200 OK", "application/json", released, sizeof released, now);
        render(&responses[HTTP_RELEASE], "200 OK", "text/plain", "", 0, now);
        render(
            &responses[HTTP_UNKNOWN], "404 Not Found", "text/plain", unknown, strlen(unknown), now);
    }
    return &responses[route];
}

void http_count_response(unsigned parked, struct http_response *response) {
    char text[16];
    int count = snprintf(text, sizeof text, "%u", parked);
    render(response, "200 OK", "text/plain", text, (size_t)count, current_second());
}

#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

// What OpenSSL offers as macros, for Swift.

static inline int copenssl_set_versions(SSL_CTX *context, int minimum, int maximum) {
    return SSL_CTX_set_min_proto_version(context, minimum)
        && SSL_CTX_set_max_proto_version(context, maximum);
}

static inline int copenssl_set_groups(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_groups_list(context, list);
}

static inline void copenssl_set_modes(SSL_CTX *context) {
    // An idle connection holds no buffers; a record may come from another place when tried again.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static inline void copenssl_set_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION
        | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
}

static inline void copenssl_forbid_tickets(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_num_tickets(context, 0);
}

static inline void copenssl_set_session_cache(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int copenssl_add_chain(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline void copenssl_set_app_data(SSL_CTX *context, void *data) {
    SSL_CTX_set_app_data(context, data);
}

static inline void *copenssl_app_data(const SSL_CTX *context) {
    return SSL_CTX_get_app_data(context);
}

static inline void copenssl_set_connection_data(SSL *ssl, void *data) {
    SSL_set_app_data(ssl, data);
}

static inline void *copenssl_connection_data(const SSL *ssl) {
    return SSL_get_app_data(ssl);
}

typedef int (*copenssl_name_callback)(SSL *ssl, int *alert, void *data);

static inline void copenssl_set_name_callback(
    SSL_CTX *context, copenssl_name_callback callback, void *data) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
    SSL_CTX_set_tlsext_servername_arg(context, data);
}

static inline int copenssl_set_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline int copenssl_error_reason(unsigned long code) { return ERR_GET_REASON(code); }

static inline int copenssl_error_library(unsigned long code) { return ERR_GET_LIB(code); }

static inline int copenssl_print_name(BIO *bio, const X509_NAME *name) {
    return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
}

/// Keys a session ticket's MAC with HMAC-SHA256.
static inline int copenssl_set_ticket_mac(EVP_MAC_CTX *mac, unsigned char *key, size_t count) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, count),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters);
}

/// The two ends of a connection: input that is lent for one call, and who takes output.
struct copenssl_pipe {
    const unsigned char *input;
    size_t input_count;
    void *owner;
    void (*send)(void *owner, const void *bytes, size_t count);
};

static inline int copenssl_pipe_read(BIO *bio, char *to, int limit) {
    struct copenssl_pipe *pipe = (struct copenssl_pipe *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (limit <= 0) return 0;
    if (pipe->input_count == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t count = pipe->input_count < (size_t)limit ? pipe->input_count : (size_t)limit;
    memcpy(to, pipe->input, count);
    pipe->input += count;
    pipe->input_count -= count;
    return (int)count;
}

static inline int copenssl_pipe_write(BIO *bio, const char *from, int count) {
    struct copenssl_pipe *pipe = (struct copenssl_pipe *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (count > 0) pipe->send(pipe->owner, from, (size_t)count);
    return count;
}

static inline long copenssl_pipe_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    // There is no buffer to flush; everything else is not supported.
    return command == BIO_CTRL_FLUSH;
}

static inline int copenssl_pipe_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

/// The kind of BIO that ends in a `copenssl_pipe`; NULL without memory. Make it once.
static inline BIO_METHOD *copenssl_pipe_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pipe");
    if (method == NULL) return NULL;
    if (BIO_meth_set_read(method, copenssl_pipe_read)
        && BIO_meth_set_write(method, copenssl_pipe_write)
        && BIO_meth_set_ctrl(method, copenssl_pipe_control)
        && BIO_meth_set_create(method, copenssl_pipe_create)) return method;
    BIO_meth_free(method);
    return NULL;
}

#endif

#define _GNU_SOURCE
#include "CCrypt.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ccrypt_hash(const char *phrase, const char *setting, char *output, size_t capacity) {
    struct crypt_data *data = calloc(1, sizeof *data);
    if (!data) return ENOMEM;
    errno = 0;
    const char *hash = crypt_r(phrase, setting, data);
    int result = 0;
    // libxcrypt returns a token that begins with '*' instead of NULL when it refuses the setting.
    if (!hash || hash[0] == '*') result = errno ? errno : EINVAL;
    else if (strlen(hash) + 1 > capacity) result = ERANGE;
    else memcpy(output, hash, strlen(hash) + 1);
    explicit_bzero(data, sizeof *data);
    free(data);
    return result;
}

int ccrypt_bcrypt_setting(unsigned long cost, char *output, size_t capacity) {
    // No bytes given: libxcrypt takes them from the kernel.
    return crypt_gensalt_rn("$2b$", cost, NULL, 0, output, (int)capacity) ? 0 : errno;
}

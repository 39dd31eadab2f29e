#ifndef CCRYPT_H
#define CCRYPT_H

#include <stddef.h>

#pragma clang assume_nonnull begin

/// crypt(3), reentrant: hashes `phrase` with the method, cost and salt of `setting`. Writes the
/// NUL-terminated hash to `output` and returns 0, or an errno value. Slow on purpose (bcrypt).
int ccrypt_hash(const char *phrase, const char *setting, char *output, size_t capacity);

/// crypt_gensalt_rn(3) for bcrypt (`$2b$`): writes a setting with `cost` (log2 of the rounds) and fresh random
/// salt to `output`. Returns 0, or an errno value.
int ccrypt_bcrypt_setting(unsigned long cost, char *output, size_t capacity);

#pragma clang assume_nonnull end

#endif

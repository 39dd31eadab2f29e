#ifndef CREACTOR_FILE_H
#define CREACTOR_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

/// open(2) with O_CLOEXEC, which Swift cannot call: it is variadic. A descriptor or -1.
int creactor_open(const char *path, int flags, unsigned mode);

/// mkostemp(3) with O_CLOEXEC; writes the name into the template. A descriptor or -1.
int creactor_temporary(char *_Nullable template_);

/// sendfile(2) that never blocks on the socket. The bytes sent, 0 at the file's end, or -1.
ssize_t creactor_send_file(int socket, int file, int64_t offset, size_t count);

/// Whether so many bytes of a file are in memory, so that reading them does not wait for the disk:
/// 1 or 0, or -1 where the kernel does not tell (cachestat(2) came with Linux 6.5).
int creactor_is_cached(int file, int64_t offset, int64_t count);

/// Reads a part of a file for nothing but the kernel's cache. Blocks. Returns 0 or an errno value.
int creactor_warm(int file, int64_t offset, int64_t count);

#pragma clang assume_nonnull end

#endif

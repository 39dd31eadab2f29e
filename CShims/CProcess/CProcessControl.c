#define _GNU_SOURCE
#include "CProcessControl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

int cprocess_lock(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(descriptor, F_OFD_SETLK, &lock) == 0) return 0;
    return errno == EACCES ? EAGAIN : errno;
}

int cprocess_is_locked(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(descriptor, F_OFD_GETLK, &lock) != 0) return -errno;
    return lock.l_type != F_UNLCK;
}

int cprocess_pidfd(pid_t pid) {
#ifdef SYS_pidfd_open
    long descriptor = syscall(SYS_pidfd_open, pid, 0);
    return descriptor < 0 ? -errno : (int)descriptor;
#else
    (void)pid;
    return -ENOSYS;
#endif
}

static int set_streams(const struct cprocess_spawn_options *options,
                       posix_spawn_file_actions_t *actions) {
    const int streams[3] = {options->input, options->output, options->error};
    for (int number = 0; number < 3; number++) {
        if (streams[number] < 0) continue;
        int code = posix_spawn_file_actions_adddup2(actions, streams[number], number);
        if (code != 0) return code;
    }
    return options->folder ? posix_spawn_file_actions_addchdir_np(actions, options->folder) : 0;
}

int cprocess_spawn(const struct cprocess_spawn_options *options, pid_t *pid) {
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0) return code;
    posix_spawnattr_t attributes;
    code = posix_spawnattr_init(&attributes);
    if (code != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (options->starts_session) flags |= POSIX_SPAWN_SETSID;
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, flags);
    code = set_streams(options, &actions);
    if (code == 0)
        code = posix_spawn(pid, options->program, &actions, &attributes, options->arguments,
                           options->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

#define _GNU_SOURCE
#include "include/creactor_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int add_streams(
    const int streams[3], const char *folder, posix_spawn_file_actions_t *actions) {
    int code = 0;
    for (int number = 0; number < 3 && !code; number++) {
        if (streams[number] >= 0) {
            // Of a descriptor onto itself: makes it survive exec.
            code = posix_spawn_file_actions_adddup2(actions, streams[number], number);
        } else {
            code = posix_spawn_file_actions_addopen(
                actions, number, "/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0);
        }
    }
    // Libraries may have opened some without O_CLOEXEC.
    if (!code) code = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    if (!code && folder) code = posix_spawn_file_actions_addchdir_np(actions, folder);
    return code;
}

static int spawn(const struct creactor_command *command, const int streams[3], pid_t *pid) {
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code) return code;
    posix_spawnattr_t attributes;
    code = posix_spawnattr_init(&attributes);
    if (code) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (command->starts_session) flags |= POSIX_SPAWN_SETSID;
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, flags);
    code = add_streams(streams, command->folder, &actions);
    if (!code)
        code = posix_spawnp(
            pid, command->program, &actions, &attributes, command->arguments,
            command->environment ? command->environment : environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

int creactor_spawn(const struct creactor_command *command, pid_t *pid) {
    // Copies out of the way: one of 0 to 2 may be overwritten before it is its turn.
    int streams[3], copies[3] = {-1, -1, -1}, code = 0;
    for (int number = 0; number < 3 && !code; number++) {
        int given = command->streams[number];
        streams[number] = given;
        if (given >= 0 && given < 3 && given != number) {
            copies[number] = streams[number] = fcntl(given, F_DUPFD_CLOEXEC, 3);
            if (copies[number] < 0) code = errno;
        }
    }
    if (!code) code = spawn(command, streams, pid);
    for (int number = 0; number < 3; number++)
        if (copies[number] >= 0) close(copies[number]);
    return code;
}

int creactor_pidfd(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int creactor_pidfd_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int creactor_reap(pid_t pid, bool waits) {
    int status = 0;
    pid_t reaped;
    do {
        reaped = waitpid(pid, &status, waits ? 0 : WNOHANG);
    } while (reaped < 0 && errno == EINTR);
    return reaped == pid ? status : -1;
}

int creactor_stream_pair(int ends[2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -1;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}

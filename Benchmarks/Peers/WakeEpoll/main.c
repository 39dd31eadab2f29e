// How long a closure handed to a loop of another thread takes to run there: a list of jobs, an eventfd and
// epoll. The loop sleeps each time. Prints one line of JSON in nanoseconds.
//
//     WakeEpoll ROUNDS LOOP-CORE SUBMITTING-CORE

#include "CPeer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job {
    struct job *_Atomic next;
    void (*run)(struct job *);
};

static struct job *_Atomic jobs;
static int wake_descriptor;
static _Atomic uint64_t ran_at;

// Whoever puts the first job wakes the loop.
static void submit(struct job *job) {
    struct job *first = atomic_load_explicit(&jobs, memory_order_relaxed);
    do atomic_store_explicit(&job->next, first, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&jobs, &first, job));
    uint64_t one = 1;
    if (!first && write(wake_descriptor, &one, sizeof one) < 0) cpeer_die("write");
}

static void *loop(void *core) {
    cpeer_pin(*(int *)core);
    int poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(poller, EPOLL_CTL_ADD, wake_descriptor, &event);
    for (;;) {
        if (epoll_wait(poller, &event, 1, -1) != 1) continue;
        uint64_t count;
        if (read(wake_descriptor, &count, sizeof count) < 0) cpeer_die("read");
        struct job *job = atomic_exchange(&jobs, NULL);
        while (job) {
            struct job *next = atomic_load_explicit(&job->next, memory_order_relaxed);
            job->run(job);
            job = next;
        }
    }
    return NULL;
}

static void note_time(struct job *job) {
    free(job);
    atomic_store(&ran_at, cpeer_now());
}

static int by_size(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int rounds = atoi(argv[1]), loop_core = atoi(argv[2]);
    cpeer_pin(atoi(argv[3]));
    wake_descriptor = eventfd(0, EFD_CLOEXEC);
    pthread_t thread;
    pthread_create(&thread, NULL, loop, &loop_core);
    uint64_t *times = calloc((size_t)rounds, sizeof *times);
    for (int round = 0; round < rounds; round++) {
        // Long enough for the loop to have gone to sleep.
        for (uint64_t until = cpeer_now() + 50000; cpeer_now() < until;) {}
        struct job *job = malloc(sizeof *job);
        job->run = note_time;
        atomic_store(&ran_at, 0);
        uint64_t begin = cpeer_now(), end;
        submit(job);
        while (!(end = atomic_load(&ran_at))) {}
        times[round] = end - begin;
    }
    qsort(times, (size_t)rounds, sizeof *times, by_size);
    printf("{\"median\":%lu,\"p99\":%lu}\n", times[rounds / 2], times[rounds * 99 / 100]);
    return 0;
}

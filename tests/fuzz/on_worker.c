/*
 * One mutex guards `ended`; it is never held while a task runs. The threads live as long as the process.
 */
#include "tests/fuzz/on_worker.h"

#include "lib/conv/blas.h"
#include "tests/fuzz/fuzz.h"

#include <pthread.h>
#include <signal.h>

static struct workers *pool;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t end = PTHREAD_COND_INITIALIZER;

struct job {
    workers_task_fn *run;
    void *argument;
    bool ended;
};

static void run_job(void *argument, int slot) {
    struct job *job = argument;
    job->run(job->argument, slot);
    pthread_mutex_lock(&mutex);
    job->ended = true;
    pthread_cond_signal(&end);
    pthread_mutex_unlock(&mutex);
}

/* Workers block all signals. Those of a fault shall tell the input (driver.c). */
static void warm_up(void) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigaddset(&set, faults[i]);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    blas_warm_up();
}

void on_worker(workers_task_fn *run, void *argument, struct workers **workers) {
    struct job job = {.run = run, .argument = argument};
    if (pool == NULL)
        pool = workers_create(3, 4, warm_up);
    *workers = pool;
    FUZZ_CHECK(pool != NULL && workers_submit(pool, run_job, &job), "no worker takes a task");
    pthread_mutex_lock(&mutex);
    while (!job.ended)
        pthread_cond_wait(&end, &mutex);
    pthread_mutex_unlock(&mutex);
}

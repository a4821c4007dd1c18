/*
 * A fuzz target as a plain program:
 *
 *   TARGET [--seed N|random] [--runs N] [--only N] [FILE|FOLDER]…
 *
 * checks the files, or those of tests/fuzz/corpus/TARGET and of corpus/TARGET beside the program when none is named,
 * and then inputs that it draws or mutates out of those files. Input N of a seed is always the same. Reports in TAP, as
 * the C tests do; on a failure also says which input it was, and leaves it in a file.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

struct input {
    char *name;
    uint8_t *data;
    size_t bytes;
};

static struct input *inputs;
static size_t input_count;

/* What is being checked, for whoever has to say so. */
static struct {
    const uint8_t *data;
    size_t bytes;
    const char *name; /* of a file, or NULL */
    uint64_t seed;
    long number;
    char left[4096]; /* the file that a failure leaves */
} now;

/* ---- the corpus ---- */

static void add_file(const char *path, size_t bytes) {
    uint8_t *data = malloc(bytes + 1);
    FILE *file = fopen(path, "rbe");
    inputs = realloc(inputs, (input_count + 1) * sizeof *inputs);
    if (data == NULL || inputs == NULL || file == NULL || fread(data, 1, bytes, file) != bytes) {
        perror(path);
        exit(2);
    }
    fclose(file);
    inputs[input_count++] = (struct input){strdup(path), data, bytes};
}

/* A file, or those of a folder in the order of their names; false when there is neither. */
static bool add_path(const char *path) {
    struct stat status;
    struct dirent **entries;
    if (stat(path, &status) != 0)
        return false;
    if (!S_ISDIR(status.st_mode)) {
        add_file(path, (size_t)status.st_size);
        return true;
    }
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            add_path(inner);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return true;
}

static void add_corpus(const char *program) {
    char path[4096];
    const char *slash = strrchr(program, '/');
    snprintf(path, sizeof path, "tests/fuzz/corpus/%s", fuzz_target.name);
    add_path(path);
    snprintf(path, sizeof path, "%.*scorpus/%s", slash != NULL ? (int)(slash - program + 1) : 0, program,
             fuzz_target.name);
    add_path(path);
}

/* ---- failures ---- */

static void print_escaped(const uint8_t *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if (data[i] == '\n' || (data[i] >= 0x20 && data[i] < 0x7f && data[i] != '\\'))
            fputc(data[i], stderr);
        else
            fprintf(stderr, "\\x%02x", data[i]);
    }
}

static void tell_input(void) {
    enum { SHOWN = 3000 };
    if (now.data == NULL)
        return;
    const uint8_t *data = now.data;
    now.data = NULL; /* once */
    if (now.name != NULL)
        fprintf(stderr, "fuzz: the input is the file %s\n", now.name);
    else
        fprintf(stderr, "fuzz: the input is --seed %llu --only %ld\n", (unsigned long long)now.seed,
                now.number);
    FILE *file = fopen(now.left, "wbe");
    if (file != NULL && fwrite(data, 1, now.bytes, file) == now.bytes && fclose(file) == 0)
        fprintf(stderr, "fuzz: it is left in %s\n", now.left);
    fprintf(stderr, "fuzz: %zu bytes:\n", now.bytes);
    print_escaped(data, now.bytes < SHOWN ? now.bytes : SHOWN);
    fputs(now.bytes > SHOWN ? "…\n" : "\n", stderr);
}

enum { SIGNALS = 5 };
static const int signals[SIGNALS] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
static struct sigaction usual[SIGNALS];

/* Tells the input and lets what would have happened happen: the fault comes again, to a sanitizer's handler too. */
static void on_signal(int number) {
    fprintf(stderr, "fuzz: signal %d\n", number);
    tell_input();
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &usual[i], NULL);
    if (number == SIGABRT)
        abort();
}

/* The sanitizers', where there is one. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void catch_failures(const char *program) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};
    snprintf(now.left, sizeof now.left, "%s.failed", program);
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &action, &usual[i]);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(tell_input);
}

/* ---- running ---- */

static void check(const char *name, const uint8_t *data, size_t bytes) {
    now.name = name;
    now.data = data;
    now.bytes = bytes;
    fuzz_target.check(data, bytes);
    now.data = NULL;
}

/* A drawn input, one with changes, or a file of the corpus with changes. */
static void check_number(uint64_t seed, long number, uint8_t *buffer) {
    struct fuzz_random random = {seed};
    random.state = fuzz_u64(&random) ^ (uint64_t)number * 0x9e3779b97f4a7c15;
    struct fuzz_text text = {.data = (char *)buffer, .capacity = FUZZ_MAX_BYTES};
    size_t kind = fuzz_below(&random, 8);
    if (kind < 2 && input_count > 0) {
        const struct input *input = &inputs[fuzz_below(&random, input_count)];
        fuzz_put(&text, input->data, input->bytes);
    } else {
        fuzz_target.draw(&random, &text);
    }
    if (kind < 3)
        fuzz_mutate(&random, fuzz_target.tokens, &text);
    now.seed = seed;
    now.number = number;
    check(NULL, buffer, text.bytes);
}

struct options {
    uint64_t seed;
    long runs, only; /* -1: not said */
    bool named;      /* files are named */
};

/* One argument and its value; how many of the two were used, 0 when it means nothing. */
static int take_argument(struct options *options, const char *name, const char *value) {
    if (value != NULL && strcmp(name, "--seed") == 0)
        options->seed = strcmp(value, "random") == 0 ? (uint64_t)time(NULL) : strtoull(value, NULL, 10);
    else if (value != NULL && strcmp(name, "--runs") == 0)
        options->runs = strtol(value, NULL, 10);
    else if (value != NULL && strcmp(name, "--only") == 0)
        options->only = strtol(value, NULL, 10);
    else if (add_path(name))
        return options->named = true;
    else
        return 0;
    return 2;
}

static struct options read_options(int argc, char **argv) {
    struct options options = {.seed = 1, .runs = -1, .only = -1};
    for (int i = 1, used; i < argc; i += used) {
        used = take_argument(&options, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
        if (used == 0) {
            fprintf(stderr, "usage: %s [--seed N|random] [--runs N] [--only N] [FILE|FOLDER]...\n", argv[0]);
            exit(2);
        }
    }
    if (!options.named)
        add_corpus(argv[0]);
    if (options.runs < 0)
        options.runs = options.named ? 0 : fuzz_target.runs;
    return options;
}

static void check_corpus(void) {
    for (size_t i = 0; i < input_count; i++)
        check(inputs[i].name, inputs[i].data, inputs[i].bytes);
    printf("ok 1 - %s: %zu inputs of the corpus\n", fuzz_target.name, input_count);
    fflush(stdout);
}

int main(int argc, char **argv) {
    static uint8_t buffer[FUZZ_MAX_BYTES];
    struct options options = read_options(argc, argv);
    catch_failures(argv[0]);
    if (fuzz_target.start != NULL)
        fuzz_target.start();
    if (options.only >= 0) {
        check_number(options.seed, options.only, buffer);
        return 0;
    }
    puts("1..2");
    fflush(stdout);
    check_corpus();
    for (long i = 0; i < options.runs; i++)
        check_number(options.seed, i, buffer);
    printf("ok 2 - %s: %ld inputs of seed %llu\n", fuzz_target.name, options.runs,
           (unsigned long long)options.seed);
    return 0;
}

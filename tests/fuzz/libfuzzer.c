/*
 * A fuzz target for clang's libFuzzer, which finds its functions by these names. Of the new inputs that it tries, an
 * eighth is drawn by the target and half are changed with the target's tokens; the rest libFuzzer makes itself.
 */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t most);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    if (fuzz_target.start != NULL)
        fuzz_target.start();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes <= FUZZ_MAX_BYTES)
        fuzz_target.check(data, bytes);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most, unsigned seed) {
    struct fuzz_random random = {seed};
    struct fuzz_text text = {.data = (char *)data, .bytes = bytes, .capacity = most};
    size_t kind = fuzz_below(&random, 8);
    if (kind > 4)
        return LLVMFuzzerMutate(data, bytes, most);
    if (kind == 0) {
        text.bytes = 0;
        fuzz_target.draw(&random, &text);
    } else {
        fuzz_mutate(&random, fuzz_target.tokens, &text);
    }
    return text.bytes;
}

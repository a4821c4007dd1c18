/* Writing files around tensors: what is written can be read, and lies where it should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/forms/crc32.h"
#include "api/forms/npy.h"
#include "api/forms/npz.h"
#include "api/forms/safetensors.h"
#include "lib/kernels/kernels.h"
#include "tests/unit/api/form_help.h"

#include <sys/mman.h>

static struct packing packing_of(enum media media, int count, const struct tensor *tensors) {
    struct packing packing = {.media = media, .count = count, .name = {"input", "weight"}};
    for (int i = 0; i < count; i++)
        packing.tensor[i] = tensors[i];
    return packing;
}

static bool open_file(struct form *form, enum media media, const unsigned char *data, size_t bytes) {
    struct stored_tensor *tensor;
    switch (media) {
    case MEDIA_NPZ:
    case MEDIA_ZIP:
        return npz_open(form, data, bytes) && npz_load(form, &form->tensor[0]) &&
               (form->count < 2 || npz_load(form, &form->tensor[1]));
    case MEDIA_SAFETENSORS: return safetensors_open(form, data, bytes);
    default: return form_add(form, "input", 5, &tensor) && npy_open(form, data, bytes, tensor);
    }
}

static const struct tensor tensors[][2] = {
    {{.dtype = DTYPE_FLOAT32, .shape = {4, {1, 3, 5, 7}}},
     {.dtype = DTYPE_INT64, .shape = {4, {1, 3, 5, 7}}}},
    {{.dtype = DTYPE_FLOAT64, .shape = {3, {1, 1, 1}}}, {.dtype = DTYPE_INT64, .shape = {3, {1, 1, 1}}}},
    {{.dtype = DTYPE_FLOAT32, .shape = {3, {1, 1, 1}}}, {.dtype = DTYPE_INT64, .shape = {3, {1, 1, 1}}}},
    {{.dtype = DTYPE_FLOAT32, .shape = {4, {0, 3, 5, 7}}},
     {.dtype = DTYPE_INT64, .shape = {4, {0, 3, 5, 7}}}},
};

/* Each tensor's bytes are its own number. */
static void fill(const struct packing *packing, unsigned char *body) {
    memset(body, 0xAA, packing->bytes);
    for (int i = 0; i < packing->count; i++) {
        size_t bytes;
        assert_true(pack_data_bytes(packing, i, &bytes));
        memset(body + packing->data_at[i], 17 + i, bytes);
    }
}

static void check_tensor(struct form *form, const struct packing *packing, int i) {
    static const enum stored_dtype stored[] = {
        [DTYPE_FLOAT32] = STORED_FLOAT32, [DTYPE_FLOAT64] = STORED_FLOAT64, [DTYPE_INT64] = STORED_INT64};
    const struct stored_tensor *tensor = form_find(form, packing->name[i]);
    size_t bytes;
    assert_non_null(tensor);
    assert_true(pack_data_bytes(packing, i, &bytes));
    assert_int_equal(tensor->dtype, stored[packing->tensor[i].dtype]);
    assert_true(shape_equal(&tensor->shape, &packing->tensor[i].shape));
    for (size_t b = 0; b < bytes; b++)
        assert_int_equal(tensor->data[b], 17 + i);
}

static void reads_what_it_writes(void **state) {
    (void)state;
    static const enum media media[] = {MEDIA_NPZ, MEDIA_ZIP, MEDIA_SAFETENSORS, MEDIA_NPY};
    static struct bytes file;
    for (size_t k = 0; k < sizeof tensors / sizeof tensors[0]; k++) {
        for (size_t m = 0; m < 2 * (sizeof media / sizeof media[0]); m++) {
            struct arena arena = {0};
            struct form form = form_with(&arena);
            struct packing packing = packing_of(media[m / 2], 1 + (int)(m & 1), tensors[k]);
            if (packing.count > 1 && !pack_holds_several(packing.media))
                continue;
            assert_true(pack_plan(&packing));
            assert_in_range(packing.bytes, 1, sizeof file.at);
            fill(&packing, file.at);
            pack_finish(&packing, file.at);
            if (!open_file(&form, packing.media, fenced(file.at, packing.bytes), packing.bytes))
                fail_msg("%s: %s", media_type(packing.media), form.refusal.detail);
            assert_int_equal(form.count, packing.count);
            for (int i = 0; i < packing.count; i++)
                check_tensor(&form, &packing, i);
            arena_release(&arena);
        }
    }
}

/* Kernels write the tensors there. */
static void data_are_aligned(void **state) {
    (void)state;
    static const enum media media[] = {MEDIA_NPZ, MEDIA_SAFETENSORS, MEDIA_NPY, MEDIA_RAW};
    for (size_t m = 0; m < sizeof media / sizeof media[0]; m++) {
        struct packing packing = packing_of(media[m], pack_holds_several(media[m]) ? 2 : 1, tensors[0]);
        assert_true(pack_plan(&packing));
        for (int i = 0; i < packing.count; i++)
            assert_int_equal(packing.data_at[i] % (media[m] == MEDIA_SAFETENSORS ? 8 : 64), 0);
    }
}

/* The bytes that the format's page shows: a length, JSON, blanks, data. */
static void a_safetensors_file_byte_by_byte(void **state) {
    (void)state;
    static const char header[] = "{\"weight\":{\"dtype\":\"I64\",\"shape\":[1,1,1],\"data_offsets\":[0,8]},"
                                 "\"input\":{\"dtype\":\"F32\",\"shape\":[1,1,1],\"data_offsets\":[8,12]}}";
    static struct bytes file;
    struct packing packing = packing_of(MEDIA_SAFETENSORS, 2, tensors[2]);
    assert_true(pack_plan(&packing));
    fill(&packing, file.at);
    pack_finish(&packing, file.at);
    assert_int_equal(packing.bytes, 192 + 12);
    assert_memory_equal(file.at, "\xB8\0\0\0\0\0\0\0", 8);
    assert_memory_equal(file.at + 8, header, sizeof header - 1);
    for (size_t i = 8 + sizeof header - 1; i < 192; i++)
        assert_int_equal(file.at[i], ' ');
}

/* Sizes and places beyond 32 bits, in memory that is never touched but at its ends: zeros that the system shares. */
static void writes_zip64_where_it_must(void **state) {
    (void)state;
    static const struct tensor large[2] = {{.dtype = DTYPE_FLOAT32, .shape = {2, {1 << 15, 1 << 15}}},
                                           {.dtype = DTYPE_INT64, .shape = {1, {3}}}};
    struct arena arena = {0};
    struct form form = form_with(&arena);
    struct packing packing = packing_of(MEDIA_NPZ, 2, large);
    assert_true(pack_plan(&packing));
    unsigned char *body =
        mmap(NULL, packing.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(body != MAP_FAILED);
    pack_finish(&packing, body);
    form.max_unpacked_bytes = INT64_MAX;
    if (!npz_open(&form, body, packing.bytes) || !npz_load(&form, &form.tensor[1]))
        fail_msg("%s", form.refusal.detail);
    assert_int_equal(form.count, 2);
    assert_int_equal(form.tensor[0].elems, 1 << 30);
    assert_ptr_equal(form.tensor[1].data, body + packing.data_at[1]);
    assert_true(packing.data_at[1] > UINT32_MAX);
    munmap(body, packing.bytes);
    arena_release(&arena);
}

static void plans_nothing_that_does_not_fit(void **state) {
    (void)state;
    static const int64_t sizes[] = {INT64_MAX, INT64_MAX / 4, INT64_MAX / 4 + 1};
    static const enum media media[] = {MEDIA_NPZ, MEDIA_NPY, MEDIA_SAFETENSORS, MEDIA_RAW};
    for (size_t m = 0; m < sizeof media / sizeof media[0]; m++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct tensor pair[2] = {{.dtype = DTYPE_FLOAT64, .shape = {2, {sizes[i], 2}}},
                                     {.dtype = DTYPE_FLOAT64, .shape = {2, {sizes[i], 2}}}};
            struct packing packing = packing_of(media[m], pack_holds_several(media[m]) ? 2 : 1, pair);
            assert_false(pack_plan(&packing));
        }
    }
}

/* By the definition: a bit at a time. */
static uint32_t crc_by_bits(uint32_t crc, const unsigned char *data, size_t bytes) {
    crc = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return ~crc;
}

/* Every length around the kernel's steps, at every alignment in turn, in one piece and in two, on every level. */
static void sums_crc32_on_every_level(void **state) {
    (void)state;
    static const char *const levels[] = {"portable", "sse4", "avx2", "avx512", "avx512vbmi"};
    static unsigned char random[3000];
    const char *error;
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (unsigned char)(i * i * 2654435761u >> 13);
    for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
        if (!kernels_init(levels[level], &error))
            continue;
        assert_int_equal(crc32_add(0, (const unsigned char *)"123456789", 9), 0xCBF43926u);
        for (size_t bytes = 0; bytes < sizeof random; bytes += bytes < 600 ? 1 : 37) {
            const unsigned char *data = fenced(random, bytes);
            uint32_t crc = crc_by_bits(0xDEADBEEF, data, bytes);
            assert_int_equal(crc32_add(0xDEADBEEF, data, bytes), crc);
            assert_int_equal(
                crc32_add(crc32_add(0xDEADBEEF, data, bytes / 3), data + bytes / 3, bytes - bytes / 3), crc);
        }
    }
    assert_true(kernels_init(NULL, &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_crc32_on_every_level),  cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(data_are_aligned),           cmocka_unit_test(a_safetensors_file_byte_by_byte),
        cmocka_unit_test(writes_zip64_where_it_must), cmocka_unit_test(plans_nothing_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* npy: what headers are read and refused, byte by byte; what is written can be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/forms/npy.h"
#include "tests/unit/api/form_help.h"

static const unsigned char zeros[4096];

/* Opens an npy from memory whose end is an unmapped page. */
static bool open_npy(struct form *form, const void *data, size_t count, struct stored_tensor *tensor) {
    *tensor = (struct stored_tensor){.name = "input"};
    return npy_open(form, fenced(data, count), count, tensor);
}

static const struct {
    int major;
    const char *header;
    size_t data_bytes;
    enum stored_dtype dtype;
    bool big_endian, fortran;
    struct shape shape;
} good[] = {
    {1,
     "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n",
     24,
     STORED_FLOAT32,
     false,
     false,
     {2, {2, 3}}},
    {1,
     "{'descr': '>f8', 'fortran_order': True, 'shape': (2, 3), }\n",
     48,
     STORED_FLOAT64,
     true,
     true,
     {2, {2, 3}}},
    {2,
     "{'descr': '<f2', 'fortran_order': False, 'shape': (3,), }\n",
     6,
     STORED_FLOAT16,
     false,
     false,
     {1, {3}}},
    {3,
     "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 4, 5), }\n",
     120,
     STORED_UINT8,
     false,
     false,
     {4, {2, 3, 4, 5}}},
    {1, "{'descr': '|b1', 'fortran_order': False, 'shape': ()}", 1, STORED_BOOL, false, false, {0, {0}}},
    {1, "{'descr': '?', 'fortran_order': False, 'shape': (0, 5)}", 0, STORED_BOOL, false, false, {2, {0, 5}}},
    {1, "{'descr': '<i1', 'fortran_order': False, 'shape': (1,)}", 1, STORED_INT8, false, false, {1, {1}}},
    {1, "{'descr': 'i1', 'fortran_order': False, 'shape': (1,)}", 1, STORED_INT8, false, false, {1, {1}}},
    {1, "{'descr': '>i2', 'fortran_order': False, 'shape': (1,)}", 2, STORED_INT16, true, false, {1, {1}}},
    {1, "{'descr': '<u2', 'fortran_order': False, 'shape': (1,)}", 2, STORED_UINT16, false, false, {1, {1}}},
    {1, "{'descr': '<i4', 'fortran_order': False, 'shape': (1,)}", 4, STORED_INT32, false, false, {1, {1}}},
    {1, "{'descr': '>u4', 'fortran_order': False, 'shape': (1,)}", 4, STORED_UINT32, true, false, {1, {1}}},
    {1, "{'descr': '<i8', 'fortran_order': False, 'shape': (1,)}", 8, STORED_INT64, false, false, {1, {1}}},
    {1, "{'descr': '<u8', 'fortran_order': False, 'shape': (1,)}", 8, STORED_UINT64, false, false, {1, {1}}},
    {1,
     "{'descr': '<V2', 'fortran_order': False, 'shape': (1,)}",
     2,
     STORED_BFLOAT16,
     false,
     false,
     {1, {1}}},
    {1,
     "{'descr': '|V2', 'fortran_order': False, 'shape': (1,)}",
     2,
     STORED_BFLOAT16,
     false,
     false,
     {1, {1}}},
    {1, "{'descr': '>V2', 'fortran_order': False, 'shape': (1,)}", 2, STORED_BFLOAT16, true, false, {1, {1}}},
    {1,
     "{'descr': 'bfloat16', 'fortran_order': False, 'shape': (1,)}",
     2,
     STORED_BFLOAT16,
     false,
     false,
     {1, {1}}},
    /* as numpy tolerates */
    {1,
     "{'shape': (1, 2), 'fortran_order': False, 'descr': '<f4'}",
     8,
     STORED_FLOAT32,
     false,
     false,
     {2, {1, 2}}},
    {1,
     " \t{ 'descr' :\n'<f4' ,'fortran_order':False,\"shape\":( 1 , 2 , ) , } \n",
     8,
     STORED_FLOAT32,
     false,
     false,
     {2, {1, 2}}},
    {1,
     "{'descr': \"<f4\", 'fortran_order': False, 'shape': (10L, 2L)}",
     80,
     STORED_FLOAT32,
     false,
     false,
     {2, {10, 2}}},
    {1,
     "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 7)}",
     0,
     STORED_FLOAT32,
     false,
     false,
     {3, {0, INT64_MAX, 7}}},
};

static void reads_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        struct stored_tensor tensor;
        struct bytes file = {.count = 0};
        add_npy(&file, good[i].major, good[i].header, zeros, good[i].data_bytes);
        if (!open_npy(&form, file.at, file.count, &tensor))
            fail_msg("%s: %s", good[i].header, form.refusal.detail);
        if (tensor.dtype != good[i].dtype || tensor.big_endian != good[i].big_endian ||
            tensor.fortran != good[i].fortran || !shape_equal(&tensor.shape, &good[i].shape))
            fail_msg("%s is read as something else", good[i].header);
        assert_int_equal(tensor.elems * (int64_t)stored_dtype_bytes(tensor.dtype), good[i].data_bytes);
        assert_ptr_equal(tensor.data + good[i].data_bytes, fenced(file.at, 0));
        arena_release(&arena);
    }
}

static const struct {
    int major;
    const char *header;
    size_t data_bytes;
    enum problem problem;
    const char *detail;
} bad[] = {
    {0, "{}", 0, PROBLEM_UNSUPPORTED_TENSOR, "version 0.0"},
    {4, "{}", 0, PROBLEM_UNSUPPORTED_TENSOR, "version 4.0"},
    {0x101, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_UNSUPPORTED_TENSOR,
     "version 1.1"},
    {1, "", 0, PROBLEM_MALFORMED_BODY, "ends inside its header"},
    {1, "{", 1, PROBLEM_MALFORMED_BODY, "ends inside its header"},
    {1, "{}", 0, PROBLEM_MALFORMED_BODY, "a key is missing"},
    {1, "[1]", 0, PROBLEM_MALFORMED_BODY, "'{' is missing"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", 4, PROBLEM_MALFORMED_BODY,
     "'}' is missing"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", 4, PROBLEM_MALFORMED_BODY, "behind it"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}}", 4, PROBLEM_MALFORMED_BODY, "behind it"},
    {1, "{,'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY,
     "string is missing"},
    {1, "{'descr': '<f4',, 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY,
     "string is missing"},
    {1, "{'descr' '<f4', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY,
     "':' is missing"},
    {1, "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY, "',' or '}'"},
    {1, "{'descr': '<f4', 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY, "a key is missing"},
    {1, "{'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY, "a key is missing"},
    {1, "{'descr': '<f4', 'fortran_order': False}", 4, PROBLEM_MALFORMED_BODY, "a key is missing"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", 4, PROBLEM_MALFORMED_BODY,
     "another key, 'x',"},
    {1, "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY,
     "'descr' is repeated"},
    {1, "{'descr: '<f4', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY, "another key"},
    {1, "{'desc\\x72': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY,
     "does not end"},
    {1, "{'descr': '<f4", 4, PROBLEM_MALFORMED_BODY, "does not end"},
    {1, "{'descr': <f4, 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY,
     "string is missing"},
    {1, "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY, "True or False"},
    {1, "{'descr': '<f4', 'fortran_order': false, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY,
     "True or False"},
    {1, "{'descr': '<f4', 'fortran_order': Falsey, 'shape': (1,)}", 4, PROBLEM_MALFORMED_BODY, "',' or '}'"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': 1}", 4, PROBLEM_MALFORMED_BODY, "tuple"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", 4, PROBLEM_MALFORMED_BODY, "comma"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': [1, 1]}", 4, PROBLEM_MALFORMED_BODY, "tuple"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", 4, PROBLEM_MALFORMED_BODY, "is no size"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,,)}", 4, PROBLEM_MALFORMED_BODY, "is no size"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}", 4, PROBLEM_MALFORMED_BODY, "',' or ')'"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4, PROBLEM_MALFORMED_BODY, "is no size"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (01,)}", 4, PROBLEM_MALFORMED_BODY, "is no size"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,)}", 4, PROBLEM_MALFORMED_BODY, "',' or ')'"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0x1,)}", 4, PROBLEM_MALFORMED_BODY, "',' or ')'"},
    {3, "{'descr': '<f4', 'fortran_order': False, 'shape': (1L,)}", 4, PROBLEM_MALFORMED_BODY, "',' or ')'"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", 4,
     PROBLEM_MALFORMED_BODY, "63 bits"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,", 4, PROBLEM_MALFORMED_BODY, "is no size"},
    {1,
     "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
     "1,1,1)}",
     4, PROBLEM_INVALID_TENSOR, "more than 32 dimensions"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 4, PROBLEM_MALFORMED_BODY,
     "4 bytes of data"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 7, PROBLEM_MALFORMED_BODY,
     "7 bytes of data"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 9, PROBLEM_MALFORMED_BODY,
     "9 bytes of data"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905,)}", 4,
     PROBLEM_MALFORMED_BODY, "4 bytes of data"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0,
     PROBLEM_MALFORMED_BODY, "0 bytes of data"},
    /* dtypes that are no numbers, or not said in full */
    {1, "{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 8, PROBLEM_UNSUPPORTED_TENSOR, "'<c8'"},
    {1, "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8, PROBLEM_UNSUPPORTED_TENSOR, "'|O'"},
    {1, "{'descr': '<U3', 'fortran_order': False, 'shape': (1,)}", 12, PROBLEM_UNSUPPORTED_TENSOR, "'<U3'"},
    {1, "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,)}", 8, PROBLEM_UNSUPPORTED_TENSOR,
     "'<M8[ns]'"},
    {1, "{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", 16, PROBLEM_UNSUPPORTED_TENSOR, "'<f16'"},
    {1, "{'descr': '<f1', 'fortran_order': False, 'shape': (1,)}", 1, PROBLEM_UNSUPPORTED_TENSOR, "'<f1'"},
    {1, "{'descr': '<V4', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_UNSUPPORTED_TENSOR, "'<V4'"},
    {1, "{'descr': '', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_UNSUPPORTED_TENSOR, "''"},
    {1, "{'descr': '<', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_UNSUPPORTED_TENSOR, "'<'"},
    {1, "{'descr': '<<f4', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_UNSUPPORTED_TENSOR, "'<<f4'"},
    {1, "{'descr': '<f4 ', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_UNSUPPORTED_TENSOR, "'<f4 '"},
    {1, "{'descr': 'float32', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_UNSUPPORTED_TENSOR,
     "'float32'"},
    {1, "{'descr': 'f4', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_UNSUPPORTED_TENSOR,
     "byte order"},
    {1, "{'descr': '=f4', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_UNSUPPORTED_TENSOR,
     "byte order"},
    {1, "{'descr': '|f4', 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_UNSUPPORTED_TENSOR,
     "'<f4' or '>f4'"},
    {1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4, PROBLEM_UNSUPPORTED_TENSOR,
     "structured"},
    {1, "{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (1,)}", 8, PROBLEM_UNSUPPORTED_TENSOR,
     "structured"},
};

static void check_refused(const struct form *form, bool opened, const char *what, enum problem problem,
                          const char *detail) {
    if (opened || form->refusal.problem != problem || strstr(form->refusal.detail, detail) == NULL ||
        strcmp(form->refusal.pointer, "/input") != 0)
        fail_msg("%s: %s, %s", what, opened ? "opened" : problem_name(form->refusal.problem),
                 form->refusal.detail);
}

static void refuses_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        struct stored_tensor tensor;
        struct bytes file = {.count = 0};
        add_npy(&file, bad[i].major, bad[i].header, zeros, bad[i].data_bytes);
        bool opened = open_npy(&form, file.at, file.count, &tensor);
        check_refused(&form, opened, bad[i].header, bad[i].problem, bad[i].detail);
        arena_release(&arena);
    }
}

static void refuses_every_shorter_and_longer_file(void **state) {
    (void)state;
    struct bytes file = {.count = 0};
    add_npy(&file, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}\n", zeros, 8);
    for (size_t count = 0; count < file.count + 3; count++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        struct stored_tensor tensor;
        bool opened = open_npy(&form, file.at, count, &tensor);
        assert_int_equal(opened, count == file.count);
        if (!opened)
            check_refused(&form, opened, "a file of another length", PROBLEM_MALFORMED_BODY, "input");
        arena_release(&arena);
    }
}

static void refuses_a_header_beyond_reason(void **state) {
    (void)state;
    struct arena arena = {0};
    struct form form = form_with(&arena);
    struct stored_tensor tensor;
    struct bytes file = {.count = 0};
    char header[NPY_MAX_HEADER_BYTES + 2];
    memset(header, ' ', sizeof header - 1);
    header[sizeof header - 1] = '\0';
    memcpy(header, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 55);
    add_npy(&file, 2, header, zeros, 4);
    check_refused(&form, open_npy(&form, file.at, file.count, &tensor), "10001", PROBLEM_MALFORMED_BODY,
                  "10000");
    file.count = 0;
    header[sizeof header - 2] = '\0';
    add_npy(&file, 2, header, zeros, 4);
    assert_true(open_npy(&form, file.at, file.count, &tensor));
    arena_release(&arena);
}

/* No byte of a header can be changed so that reading goes beyond the file. */
static void survives_every_byte(void **state) {
    (void)state;
    struct bytes file = {.count = 0};
    add_npy(&file, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 10)}\n", zeros, 80);
    for (size_t at = 0; at < file.count - 80; at++) {
        unsigned char right = file.at[at];
        for (int value = 0; value < 256; value++) {
            struct arena arena = {0};
            struct form form = form_with(&arena);
            struct stored_tensor tensor;
            file.at[at] = (unsigned char)value;
            if (open_npy(&form, file.at, file.count, &tensor))
                assert_int_equal(tensor.elems * (int64_t)stored_dtype_bytes(tensor.dtype), 80);
            arena_release(&arena);
        }
        file.at[at] = right;
    }
}

static void reads_what_it_writes(void **state) {
    (void)state;
    static const struct tensor tensors[] = {
        {.dtype = DTYPE_FLOAT32, .shape = {4, {1, 6, 30, 30}}},
        {.dtype = DTYPE_FLOAT64, .shape = {1, {7}}},
        {.dtype = DTYPE_INT64, .shape = {3, {2, 0, INT64_MAX}}},
        {.dtype = DTYPE_FLOAT32, .shape = {0, {0}}},
    };
    static const enum stored_dtype stored[] = {
        [DTYPE_FLOAT32] = STORED_FLOAT32, [DTYPE_FLOAT64] = STORED_FLOAT64, [DTYPE_INT64] = STORED_INT64};
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        struct stored_tensor tensor = {.name = "input"};
        unsigned char header[NPY_WRITTEN_BYTES];
        int64_t elems;
        size_t length = npy_write_header(header, &tensors[i]), data_at;
        assert_int_equal(length % 64, 0);
        assert_int_equal(length, npy_write_header(NULL, &tensors[i]));
        assert_int_equal(header[length - 1], '\n');
        assert_true(shape_elems(&tensors[i].shape, &elems));
        if (!npy_read_header(&form, header, length + (size_t)elems * dtype_bytes(tensors[i].dtype), &tensor,
                             &data_at))
            fail_msg("%s", form.refusal.detail);
        assert_int_equal(data_at, length);
        assert_int_equal(tensor.dtype, stored[tensors[i].dtype]);
        assert_int_equal(tensor.big_endian, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
        assert_true(shape_equal(&tensor.shape, &tensors[i].shape));
        arena_release(&arena);
    }
}

/* The longest that there is. */
static void writes_32_dimensions(void **state) {
    (void)state;
    struct tensor tensor = {.dtype = DTYPE_FLOAT64, .shape = {.rank = SHAPE_MAX_RANK}};
    unsigned char header[NPY_WRITTEN_BYTES];
    for (int i = 0; i < SHAPE_MAX_RANK; i++)
        tensor.shape.dim[i] = INT64_MAX;
    assert_in_range(npy_write_header(header, &tensor), 512, NPY_WRITTEN_BYTES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_headers),
        cmocka_unit_test(refuses_headers),
        cmocka_unit_test(refuses_every_shorter_and_longer_file),
        cmocka_unit_test(refuses_a_header_beyond_reason),
        cmocka_unit_test(survives_every_byte),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(writes_32_dimensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

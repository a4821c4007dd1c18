/* npz: archives built record by record, each of which is then broken; bombs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/forms/npz.h"
#include "tests/unit/api/npz_build.h"

#include <stdio.h>

/* ---- reading ---- */

/* Opens and loads from memory whose end is an unmapped page. */
static bool open_all(struct form *form, const struct bytes *file) {
    if (!npz_open(form, fenced(file->at, file->count), file->count))
        return false;
    for (int i = 0; i < form->count; i++) {
        if (!npz_load(form, &form->tensor[i]))
            return false;
    }
    return true;
}

/* The tensors that are there are those that were written. */
static bool holds_values(struct form *form) {
    for (int i = 0; i < 2; i++) {
        const struct stored_tensor *tensor = form_find(form, form_names[i]);
        if (tensor != NULL &&
            (tensor->dtype != STORED_FLOAT32 || tensor->elems != 6 || tensor->shape.rank != 4 ||
             memcmp(tensor->data, values[i], sizeof values[i]) != 0))
            return false;
    }
    return true;
}

static void reads_every_kind(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        if (!open_all(&form, &build((enum kind)kind)->file))
            fail_msg("kind %d: %s", kind, form.refusal.detail);
        assert_int_equal(form.count, 2);
        assert_true(holds_values(&form));
        assert_null(form.unknown);
        arena_release(&arena);
    }
}

static void data_stay_where_they_are(void **state) {
    (void)state;
    struct arena arena = {0};
    struct form form = form_with(&arena);
    const struct built *built = build(PLAIN);
    assert_true(open_all(&form, &built->file));
    const unsigned char *begin = fenced(built->file.at, built->file.count);
    assert_in_range((uintptr_t)form.tensor[0].data, (uintptr_t)begin, (uintptr_t)(begin + built->file.count));
    arena_release(&arena);
}

/* ---- refusals ---- */

static const struct {
    enum kind kind;
    enum record record;
    int member;
    size_t offset;
    uint64_t value;
    int width;
    enum problem problem;
    const char *pointer, *detail;
} broken[] = {
    /* the end */
    {PLAIN, END, 0, 0, 0x06054b51, 4, PROBLEM_MALFORMED_BODY, NULL, "record that ends one is missing"},
    {PLAIN, END, 0, 4, 1, 2, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {PLAIN, END, 0, 6, 1, 2, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {PLAIN, END, 0, 8, 1, 2, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {PLAIN, END, 0, 8, 0xFFFF, 2, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {PLAIN, END, 0, 10, 3, 2, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {PLAIN, END, 0, 8, 0x00010001, 4, PROBLEM_MALFORMED_BODY, NULL, "longer than its entries"},
    {PLAIN, END, 0, 8, 0x00030003, 4, PROBLEM_MALFORMED_BODY, NULL, "entry of its directory"},
    {PLAIN, END, 0, 12, 0xFFFFFFFF, 4, PROBLEM_MALFORMED_BODY, NULL, "not where its end says"},
    {PLAIN, END, 0, 12, 10, 4, PROBLEM_MALFORMED_BODY, NULL, "not where its end says"},
    {PLAIN, END, 0, 16, 0xFFFFFFFF, 4, PROBLEM_MALFORMED_BODY, NULL, "not where its end says"},
    {PLAIN, END, 0, 16, 3, 4, PROBLEM_MALFORMED_BODY, NULL, "not where its end says"},
    {PLAIN, END, 0, 20, 1, 2, PROBLEM_MALFORMED_BODY, NULL, "record that ends one is missing"},
    {CHATTY, END, 0, 20, 4, 2, PROBLEM_MALFORMED_BODY, NULL, "record that ends one is missing"},
    /* the end, wide */
    {WIDE, END, 0, 10, 1, 2, PROBLEM_MALFORMED_BODY, NULL, "contradict each other"},
    {WIDE, END, 0, 12, 1, 4, PROBLEM_MALFORMED_BODY, NULL, "contradict each other"},
    {WIDE, END, 0, 16, 1, 4, PROBLEM_MALFORMED_BODY, NULL, "contradict each other"},
    {WIDE, END, 0, 8, 1, 2, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {WIDE, END, 0, 4, 1, 2, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {WIDE, LOCATOR, 0, 0, 0, 4, PROBLEM_MALFORMED_BODY, NULL, "not where its end says"},
    {WIDE, LOCATOR, 0, 4, 1, 4, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {WIDE, LOCATOR, 0, 8, 0, 8, PROBLEM_MALFORMED_BODY, NULL, "not where the locator says"},
    {WIDE, LOCATOR, 0, 8, UINT64_MAX, 8, PROBLEM_MALFORMED_BODY, NULL, "not where the locator says"},
    {WIDE, LOCATOR, 0, 8, INT64_MAX, 8, PROBLEM_MALFORMED_BODY, NULL, "not where the locator says"},
    {WIDE, LOCATOR, 0, 16, 2, 4, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {WIDE, END64, 0, 0, 0, 4, PROBLEM_MALFORMED_BODY, NULL, "not where the locator says"},
    {WIDE, END64, 0, 4, 45, 8, PROBLEM_MALFORMED_BODY, NULL, "not where the locator says"},
    {WIDE, END64, 0, 4, UINT64_MAX, 8, PROBLEM_MALFORMED_BODY, NULL, "not where the locator says"},
    {WIDE, END64, 0, 16, 1, 4, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {WIDE, END64, 0, 20, 1, 4, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {WIDE, END64, 0, 24, 1, 8, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {WIDE, END64, 0, 40, 1, 8, PROBLEM_MALFORMED_BODY, NULL, "not where its end says"},
    {WIDE, END64, 0, 48, 1, 8, PROBLEM_MALFORMED_BODY, NULL, "not where its end says"},
    {WIDE, END64, 0, 48, UINT64_MAX, 8, PROBLEM_MALFORMED_BODY, NULL, "not where its end says"},
    /* the directory */
    {PLAIN, ENTRY, 0, 0, 0, 4, PROBLEM_MALFORMED_BODY, NULL, "entry of its directory"},
    {PLAIN, ENTRY, 1, 28, 11, 2, PROBLEM_MALFORMED_BODY, NULL, "entry of its directory"},
    {PLAIN, ENTRY, 1, 28, 0xFFFF, 2, PROBLEM_MALFORMED_BODY, NULL, "entry of its directory"},
    {PLAIN, ENTRY, 0, 30, 1, 2, PROBLEM_MALFORMED_BODY, NULL, "entry of its directory"},
    {PLAIN, ENTRY, 0, 30, 4, 2, PROBLEM_MALFORMED_BODY, NULL, "entry of its directory"},
    {PLAIN, ENTRY, 0, 32, 0xFFFF, 2, PROBLEM_MALFORMED_BODY, NULL, "entry of its directory"},
    {PLAIN, ENTRY, 0, 34, 1, 2, PROBLEM_UNSUPPORTED_TENSOR, NULL, "several disks"},
    {PLAIN, ENTRY, 0, 46, 0, 1, PROBLEM_MALFORMED_BODY, NULL, "entry of its directory"},
    {WIDE, ENTRY_EXTRA, 0, 2, 8, 2, PROBLEM_MALFORMED_BODY, NULL, "entry of its directory"},
    {WIDE, ENTRY_EXTRA, 0, 2, 25, 2, PROBLEM_MALFORMED_BODY, NULL, "entry of its directory"},
    {WIDE, ENTRY_EXTRA, 0, 0, 2, 2, PROBLEM_MALFORMED_BODY, "/input", "header is not where"},
    {CHATTY, ENTRY_EXTRA, 0, 2, 1, 2, PROBLEM_MALFORMED_BODY, NULL, "entry of its directory"},
    /* how a member is packed */
    {PLAIN, ENTRY, 0, 6, 64, 2, PROBLEM_UNSUPPORTED_TENSOR, "/input", "needs version 6.4"},
    {PLAIN, ENTRY, 1, 6, 255, 1, PROBLEM_UNSUPPORTED_TENSOR, "/weight", "needs version 25.5"},
    {PLAIN, ENTRY, 0, 8, 1, 2, PROBLEM_UNSUPPORTED_TENSOR, "/input", "encrypted"},
    {PLAIN, ENTRY, 1, 8, 0x40, 2, PROBLEM_UNSUPPORTED_TENSOR, "/weight", "encrypted"},
    {PLAIN, ENTRY, 0, 8, 0x20, 2, PROBLEM_UNSUPPORTED_TENSOR, "/input", "patched"},
    {PLAIN, ENTRY, 0, 8, 0x2000, 2, PROBLEM_UNSUPPORTED_TENSOR, "/input", "encrypted"},
    {PLAIN, ENTRY, 0, 10, 12, 2, PROBLEM_UNSUPPORTED_TENSOR, "/input", "method 12"},
    {PLAIN, ENTRY, 0, 10, 14, 2, PROBLEM_UNSUPPORTED_TENSOR, "/input", "method 14"},
    {PLAIN, ENTRY, 0, 10, 99, 2, PROBLEM_UNSUPPORTED_TENSOR, "/input", "method 99"},
    {PLAIN, ENTRY, 0, 10, 9, 2, PROBLEM_UNSUPPORTED_TENSOR, "/input", "method 9"},
    {PLAIN, ENTRY, 0, 20, 1, 4, PROBLEM_MALFORMED_BODY, "/input", "two sizes differ"},
    {PLAIN, ENTRY, 0, 24, 1, 4, PROBLEM_MALFORMED_BODY, "/input", "two sizes differ"},
    /* the local header says what the directory says */
    {PLAIN, ENTRY, 0, 42, 1, 4, PROBLEM_MALFORMED_BODY, "/input", "header is not where"},
    {PLAIN, ENTRY, 0, 42, 0xFFFFFFFE, 4, PROBLEM_MALFORMED_BODY, "/input", "header is not where"},
    {PLAIN, LOCAL, 1, 0, 0, 4, PROBLEM_MALFORMED_BODY, "/weight", "header is not where"},
    {PLAIN, LOCAL, 0, 0, 0, 4, PROBLEM_MALFORMED_BODY, NULL, "in front of it"},
    {PLAIN, LOCAL, 0, 6, 2, 2, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {PLAIN, LOCAL, 0, 6, 8, 2, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {PLAIN, LOCAL, 0, 8, 8, 2, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {PLAIN, LOCAL, 0, 14, 0, 4, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {PLAIN, LOCAL, 0, 18, 0, 4, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {PLAIN, LOCAL, 0, 22, 0, 4, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {PLAIN, LOCAL, 0, 22, 0xFFFFFFFF, 4, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {PLAIN, LOCAL, 0, 26, 8, 2, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {PLAIN, LOCAL, 0, 26, 0xFFFF, 2, PROBLEM_MALFORMED_BODY, "/input", "header is not where"},
    {PLAIN, LOCAL, 0, 28, 0xFFFF, 2, PROBLEM_MALFORMED_BODY, "/input", "header is not where"},
    {PLAIN, LOCAL, 0, 30, 'I', 1, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {NUMPY, EXTRA, 0, 0, 2, 2, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {NUMPY, EXTRA, 0, 2, 8, 2, PROBLEM_MALFORMED_BODY, "/input", "extra field of its header is cut off"},
    {NUMPY, EXTRA, 0, 2, 17, 2, PROBLEM_MALFORMED_BODY, "/input", "extra field of its header is cut off"},
    {NUMPY, EXTRA, 0, 4, 1, 8, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {NUMPY, EXTRA, 0, 12, 0, 8, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    /* the data descriptor too */
    {STREAMED, DESCRIPTOR, 0, 0, 0, 4, PROBLEM_MALFORMED_BODY, "/input", "descriptor"},
    {STREAMED, DESCRIPTOR, 0, 4, 0, 4, PROBLEM_MALFORMED_BODY, "/input", "descriptor"},
    {STREAMED, DESCRIPTOR, 1, 8, 0, 4, PROBLEM_MALFORMED_BODY, "/weight", "descriptor"},
    {STREAMED, DESCRIPTOR, 1, 12, 0, 4, PROBLEM_MALFORMED_BODY, "/weight", "descriptor"},
    {STREAMED_BARE, DESCRIPTOR, 0, 0, 0, 4, PROBLEM_MALFORMED_BODY, "/input", "descriptor"},
    {STREAMED_WIDE, DESCRIPTOR, 0, 8, 0, 8, PROBLEM_MALFORMED_BODY, "/input", "descriptor"},
    {STREAMED, LOCAL, 0, 14, 1, 4, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {STREAMED, LOCAL, 0, 18, 1, 4, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    {STREAMED_WIDE, EXTRA, 0, 4, 1, 8, PROBLEM_MALFORMED_BODY, "/input", "contradict"},
    /* the data */
    {PLAIN, DATA, 0, 0, 0, 1, PROBLEM_MALFORMED_BODY, "/input", "no npy file"},
    {PLAIN, DATA, 0, 80, 99, 1, PROBLEM_MALFORMED_BODY, "/input", "CRC-32"},
    {PLAIN, DATA, 1, 20, ' ', 1, PROBLEM_MALFORMED_BODY, "/weight", "npy header"},
    {DEFLATED, DATA, 0, 0, 7, 1, PROBLEM_MALFORMED_BODY, "/input", "no such data"},
};

static void check_refused(struct form *form, bool opened, const char *what, enum problem problem,
                          const char *pointer, const char *detail) {
    const struct form_refusal *refusal = &form->refusal;
    if (opened || refusal->problem != problem || strstr(refusal->detail, detail) == NULL ||
        (pointer == NULL) != (refusal->pointer == NULL) ||
        (pointer != NULL && strcmp(pointer, refusal->pointer) != 0))
        fail_msg("%s: %s, %s, %s", what, opened ? "opened" : problem_name(refusal->problem), refusal->pointer,
                 refusal->detail);
}

static void refuses_every_broken_record(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        struct built *built = build(broken[i].kind);
        char what[64];
        put(built, broken[i].record, broken[i].member, broken[i].offset, broken[i].value, broken[i].width);
        bool opened = open_all(&form, &built->file);
        snprintf(what, sizeof what, "row %zu", i);
        check_refused(&form, opened, what, broken[i].problem, broken[i].pointer, broken[i].detail);
        arena_release(&arena);
    }
}

/* One that nobody waits for is given up while it is unpacked. */
static void ends_when_nobody_waits(void **state) {
    (void)state;
    int refused = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        atomic_bool cancelled = true;
        form.cancelled = &cancelled;
        if (!open_all(&form, &build((enum kind)kind)->file)) {
            assert_int_equal(form.refusal.problem, PROBLEM_DRAINING);
            refused++;
        }
        arena_release(&arena);
    }
    assert_true(refused > 0 && refused < KINDS); /* those that are deflated */
}

static void refuses_every_shorter_archive(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct built *built = build((enum kind)kind);
        size_t whole = built->file.count;
        for (size_t count = 0; count < whole; count++) {
            struct arena arena = {0};
            struct form form = form_with(&arena);
            built->file.count = count;
            bool opened = open_all(&form, &built->file);
            check_refused(&form, opened, "a shorter archive", PROBLEM_MALFORMED_BODY, NULL, "zip archive");
            arena_release(&arena);
        }
    }
}

/* Every byte, with every bit turned: what is still read is what was written. */
static void no_changed_byte_changes_a_tensor(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct built *built = build((enum kind)kind);
        for (size_t at = 0; at < built->file.count; at++) {
            for (int bit = 0; bit < 8; bit++) {
                struct arena arena = {0};
                struct form form = form_with(&arena);
                built->file.at[at] ^= (unsigned char)(1 << bit);
                if (open_all(&form, &built->file) && !holds_values(&form))
                    fail_msg("kind %d, byte %zu, bit %d", kind, at, bit);
                built->file.at[at] ^= (unsigned char)(1 << bit);
                arena_release(&arena);
            }
        }
    }
}

/* `around` becomes the archive with `count` bytes put in front of byte `at`, where the directory says so. */
static void put_gap(struct bytes *around, size_t at, size_t count, size_t moved_entry) {
    struct built *built = build(PLAIN);
    const struct bytes *file = &built->file;
    size_t directory_at = built->at[ENTRY][0];
    around->count = 0;
    add_bytes(around, file->at, at);
    add_bytes(around, "gap", count);
    add_bytes(around, file->at + at, file->count - at);
    for (size_t i = moved_entry; i < 2; i++) {
        size_t local_at = built->at[LOCAL][i] + count;
        memcpy(around->at + count + built->at[ENTRY][i] + 42, &local_at, 4);
    }
    directory_at += count;
    memcpy(around->at + count + built->at[END][0] + 16, &directory_at, 4);
}

static void refuses_bytes_of_no_member(void **state) {
    (void)state;
    static struct bytes around;
    for (size_t count = 0; count <= 3; count++)
        for (int between = 0; between < 2; between++) {
            const struct built *built = build(PLAIN);
            put_gap(&around, between ? built->at[LOCAL][1] : built->at[ENTRY][0], count, between ? 1 : 2);
            struct arena arena = {0};
            struct form form = form_with(&arena);
            bool opened = open_all(&form, &around);
            if (count > 0)
                check_refused(&form, opened, "gap", PROBLEM_MALFORMED_BODY, NULL, "belong to no member");
            else
                assert_true(opened);
            arena_release(&arena);
        }
}

static void refuses_what_stands_around(void **state) {
    (void)state;
    static struct bytes around;
    const struct bytes *file = &build(PLAIN)->file;
    struct arena arena = {0};
    struct form form = form_with(&arena);
    around.count = 0;
    add_bytes(&around, "x", 1);
    add_bytes(&around, file->at, file->count);
    check_refused(&form, open_all(&form, &around), "in front", PROBLEM_MALFORMED_BODY, NULL, "zip archive");
    around.count = 0;
    add_bytes(&around, file->at, file->count);
    add_bytes(&around, "x", 1);
    check_refused(&form, open_all(&form, &around), "behind", PROBLEM_MALFORMED_BODY, NULL, "is missing");
    arena_release(&arena);
}

static void refuses_members_that_share_bytes(void **state) {
    (void)state;
    struct arena arena = {0};
    struct form form = form_with(&arena);
    struct built *built = build(PLAIN);
    put(built, ENTRY, 1, 42, 0, 4);
    check_refused(&form, open_all(&form, &built->file), "one header for two", PROBLEM_MALFORMED_BODY,
                  "/weight", "contradict each other: the name");
    form = form_with(&arena);
    built = build(PLAIN);
    /* weight.npy stretches over the directory's beginning */
    put(built, ENTRY, 1, 20, 1000, 4);
    put(built, ENTRY, 1, 24, 1000, 4);
    check_refused(&form, open_all(&form, &built->file), "into the directory", PROBLEM_MALFORMED_BODY,
                  "/weight", "header is not where");
    arena_release(&arena);
}

/* Two members whose bytes are the same, one inside the other: built by hand, since names and shapes must agree. */
static void refuses_a_member_inside_another(void **state) {
    (void)state;
    static struct bytes inner, outer, file;
    uint32_t crc[2];
    inner.count = outer.count = file.count = 0;
    add_npy(&inner, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", "x", 1);
    crc[1] = (uint32_t)crc32(0, inner.at, (uInt)inner.count);
    /* the outer member's data are a whole local header with its npy */
    static struct bytes nested;
    nested.count = 0;
    add_number(&nested, 0x04034b50, 4);
    add_number(&nested, 20, 2);
    add_common(&nested, PLAIN, crc[1], inner.count, inner.count, false);
    add_number(&nested, 10, 2);
    add_number(&nested, 0, 2);
    add_bytes(&nested, "weight.npy", 10);
    add_bytes(&nested, inner.at, inner.count);
    char header[128];
    snprintf(header, sizeof header, "{'descr': '|u1', 'fortran_order': False, 'shape': (%zu,)}",
             nested.count);
    add_npy(&outer, 1, header, nested.at, nested.count);
    crc[0] = (uint32_t)crc32(0, outer.at, (uInt)outer.count);
    add_number(&file, 0x04034b50, 4);
    add_number(&file, 20, 2);
    add_common(&file, PLAIN, crc[0], outer.count, outer.count, false);
    add_number(&file, 9, 2);
    add_number(&file, 0, 2);
    add_bytes(&file, "input.npy", 9);
    add_bytes(&file, outer.at, outer.count);
    size_t directory_at = file.count, nested_at = file.count - nested.count;
    for (int i = 0; i < 2; i++) {
        size_t bytes = i == 0 ? outer.count : inner.count;
        add_number(&file, 0x02014b50, 4);
        add_number(&file, 0x00140314, 4);
        add_common(&file, PLAIN, crc[i], bytes, bytes, false);
        add_number(&file, strlen(member_names[i]), 2);
        add_number(&file, 0, 2 + 2 + 2 + 2 + 4);
        add_number(&file, i == 0 ? 0 : nested_at, 4);
        add_bytes(&file, member_names[i], strlen(member_names[i]));
    }
    size_t directory_bytes = file.count - directory_at;
    add_number(&file, 0x06054b50, 4);
    add_number(&file, 0, 4);
    add_number(&file, 0x00020002, 4);
    add_number(&file, directory_bytes, 4);
    add_number(&file, directory_at, 4);
    add_number(&file, 0, 2);
    struct arena arena = {0};
    struct form form = form_with(&arena);
    check_refused(&form, open_all(&form, &file), "inside", PROBLEM_MALFORMED_BODY, "/weight", "overlaps");
    arena_release(&arena);
}

/* Other names in place of input.npy; one with a path is as unknown as any. */
static void judges_names(void **state) {
    (void)state;
    static const struct {
        const char *name, *unknown;
    } cases[] = {
        {"inpux.npy", "inpux"}, {"a/inp.npy", "a/inp"},       {"../in.npy", "../in"},
        {"Input.npy", "Input"}, {"input.NPY", "input.NPY"},   {".npy.npy.", ".npy.npy."},
        {"/nput.npy", "/nput"}, {"in\xFFut.npy", "in\xFFut"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        struct built *built = build(PLAIN);
        memcpy(built->file.at + built->at[LOCAL][0] + 30, cases[i].name, 9);
        memcpy(built->file.at + built->at[ENTRY][0] + 46, cases[i].name, 9);
        if (!open_all(&form, &built->file))
            fail_msg("%s: %s", cases[i].name, form.refusal.detail);
        assert_string_equal(form.unknown, cases[i].unknown);
        assert_int_equal(form.count, 1);
        arena_release(&arena);
    }
}

static void a_name_twice_or_without_its_ending_is_refused(void **state) {
    (void)state;
    struct arena arena = {0};
    struct form form = form_with(&arena);
    struct built *built = build(PLAIN);
    memcpy(built->file.at + built->at[ENTRY][0] + 46, "bias.npyx",
           9); /* unknown, as it does not end in .npy */
    assert_true(open_all(&form, &built->file));
    assert_string_equal(form.unknown, "bias.npyx");
    /* the entry's name cut to five characters, the other four made an extra field without content */
    form = form_with(&arena);
    built = build(PLAIN);
    put(built, ENTRY, 0, 28, 5, 2);
    put(built, ENTRY, 0, 30, 4, 2);
    put(built, ENTRY, 0, 51, 0, 4);
    check_refused(&form, open_all(&form, &built->file), "input", PROBLEM_UNSUPPORTED_TENSOR, "/input",
                  "ends with .npy");
    /* weight.npy becomes a second input.npy */
    form = form_with(&arena);
    built = build(CHATTY);
    memcpy(built->file.at + built->at[ENTRY][1] + 46, "input.npy", 9);
    put(built, ENTRY, 1, 28, 9, 2);
    put(built, ENTRY, 1, 32, 4, 2);
    memmove(built->file.at + built->at[ENTRY][1] + 55, built->file.at + built->at[ENTRY][1] + 56, 4);
    check_refused(&form, open_all(&form, &built->file), "twice", PROBLEM_REPEATED_KEY, "/input", "twice");
    arena_release(&arena);
}

static void an_empty_archive_holds_nothing(void **state) {
    (void)state;
    static struct bytes file;
    struct arena arena = {0};
    struct form form = form_with(&arena);
    file.count = 0;
    add_number(&file, 0x06054b50, 4);
    for (int i = 0; i < 18; i++)
        add_number(&file, 0, 1);
    assert_true(open_all(&form, &file));
    assert_int_equal(form.count, 0);
    arena_release(&arena);
}

/* ---- bombs ---- */

/* A deflated member with one tensor of `zeros` bytes of uint8; what the archive says of its size can be changed. */
static void build_bomb(struct bytes *file, size_t zeros, uint64_t said, size_t cut) {
    static struct bytes packed;
    char header[128];
    size_t text = (size_t)snprintf(
        header, sizeof header, "\x93NUMPY\1%cv%c{'descr': '|u1', 'fortran_order': False, 'shape': (%zu,)}", 0,
        0, zeros);
    unsigned char *npy = calloc(1, text + zeros);
    assert_non_null(npy);
    memcpy(npy, header, text);
    npy[8] = (unsigned char)(text - 10);
    z_stream stream = {.zalloc = NULL};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = npy;
    stream.avail_in = (uInt)(text + zeros);
    stream.next_out = packed.at;
    stream.avail_out = sizeof packed.at;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.count = stream.total_out - cut;
    deflateEnd(&stream);
    uint32_t crc = (uint32_t)crc32(0, npy, (uInt)(text + zeros));
    uint64_t unpacked = said != 0 ? said : text + zeros;
    free(npy);
    file->count = 0;
    for (int i = 0; i < 2; i++) {
        size_t directory_at = file->count;
        add_number(file, i == 0 ? 0x04034b50 : 0x02014b50, 4);
        add_number(file, 20, i == 0 ? 2 : 4);
        add_common(file, DEFLATED, crc, packed.count, unpacked, false);
        add_number(file, 9, 2);
        add_number(file, 0, i == 0 ? 2 : 2 + 2 + 2 + 2 + 4);
        if (i == 1)
            add_number(file, 0, 4);
        add_bytes(file, "input.npy", 9);
        if (i == 0)
            add_bytes(file, packed.at, packed.count);
        if (i == 1) {
            size_t directory_bytes = file->count - directory_at;
            add_number(file, 0x06054b50, 4);
            add_number(file, 0, 4);
            add_number(file, 0x00010001, 4);
            add_number(file, directory_bytes, 4);
            add_number(file, directory_at, 4);
            add_number(file, 0, 2);
        }
    }
}

static void unpacks_no_more_than_was_said_and_allowed(void **state) {
    (void)state;
    static struct bytes file;
    static const struct {
        size_t zeros;
        uint64_t said; /* 0: the truth */
        size_t cut;    /* bytes that the deflated data lack */
        int64_t limit;
        enum problem problem;
        const char *detail;
    } cases[] = {
        {1 << 24, 0, 0, 1 << 20, PROBLEM_LIMIT_EXCEEDED, "the limit is 1048576 (--max-body)"},
        {1 << 24, 0xFFFFFFFE, 0, INT64_MAX, PROBLEM_MALFORMED_BODY, "cannot unpack"},
        {1 << 24, 1000, 0, INT64_MAX, PROBLEM_MALFORMED_BODY, "bytes of data"},
        {1 << 24, (1 << 24) + 200, 0, INT64_MAX, PROBLEM_MALFORMED_BODY, "bytes of data"},
        {1 << 16, 0, 1, INT64_MAX, PROBLEM_MALFORMED_BODY, "do not end"},
        {1 << 16, 0, 40, INT64_MAX, PROBLEM_MALFORMED_BODY, "end before"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        form.max_unpacked_bytes = cases[i].limit;
        build_bomb(&file, cases[i].zeros, cases[i].said, cases[i].cut);
        check_refused(&form, open_all(&form, &file), "a bomb", cases[i].problem, "/input", cases[i].detail);
        arena_release(&arena);
    }
}

/* Opening needs a few KiB whatever the member says of itself; loading is charged before a byte is unpacked. */
static void charges_before_it_unpacks(void **state) {
    (void)state;
    static struct bytes file;
    struct budget budget = {.limit_bytes = 1 << 20};
    struct arena arena = {.budget = &budget};
    struct form form = form_with(&arena);
    build_bomb(&file, 1 << 24, 0, 0);
    assert_true(npz_open(&form, fenced(file.at, file.count), file.count));
    assert_in_range(budget.used_bytes, 1, 1 << 17);
    assert_false(npz_load(&form, &form.tensor[0]));
    assert_int_equal(form.refusal.problem, PROBLEM_LIMIT_EXCEEDED);
    assert_non_null(strstr(form.refusal.detail, "--memory-budget"));
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void survives_every_budget(void **state) {
    (void)state;
    const struct bytes *file = &build(DEFLATED)->file;
    bool opened = false;
    for (size_t limit = 0; !opened; limit += 512) {
        struct budget budget = {.limit_bytes = limit + 1};
        struct arena arena = {.budget = &budget};
        struct form form = form_with(&arena);
        opened = open_all(&form, file);
        if (!opened && form.refusal.problem != PROBLEM_OVERLOADED &&
            form.refusal.problem != PROBLEM_LIMIT_EXCEEDED)
            fail_msg("%zu bytes: %s", limit, form.refusal.detail);
        arena_release(&arena);
        assert_int_equal(budget.used_bytes, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind),
        cmocka_unit_test(data_stay_where_they_are),
        cmocka_unit_test(refuses_every_broken_record),
        cmocka_unit_test(ends_when_nobody_waits),
        cmocka_unit_test(refuses_every_shorter_archive),
        cmocka_unit_test(no_changed_byte_changes_a_tensor),
        cmocka_unit_test(refuses_what_stands_around),
        cmocka_unit_test(refuses_bytes_of_no_member),
        cmocka_unit_test(refuses_members_that_share_bytes),
        cmocka_unit_test(refuses_a_member_inside_another),
        cmocka_unit_test(judges_names),
        cmocka_unit_test(a_name_twice_or_without_its_ending_is_refused),
        cmocka_unit_test(an_empty_archive_holds_nothing),
        cmocka_unit_test(unpacks_no_more_than_was_said_and_allowed),
        cmocka_unit_test(charges_before_it_unpacks),
        cmocka_unit_test(survives_every_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

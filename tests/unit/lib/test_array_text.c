/*
 * Arrays of numbers as text, on every level that this CPU has: structure against a plain recursive reading, each
 * number against array_number_f32/f64 bit for bit, texts flush against unmapped memory at both ends.
 */
#include "lib/kernels/kernels.h"
#include "lib/numbers/array_text.h"
#include "tests/unit/lib/decimal_help.h"

enum { MOST_NUMBERS = 3000, MOST_BYTES = 1 << 19 };

static const char *const levels[] = {"portable", "sse4", "avx2", "avx512", "avx512vbmi"};

/* ---- making texts ---- */

struct text {
    char data[MOST_BYTES];
    size_t bytes;
    size_t begin[MOST_NUMBERS], end[MOST_NUMBERS]; /* of each number */
    int numbers;
};

static struct text text;

static void put(const char *from) {
    size_t bytes = strlen(from);
    memcpy(text.data + text.bytes, from, bytes);
    text.bytes += bytes;
}

static void put_number(const char *number) {
    text.begin[text.numbers] = text.bytes;
    put(number);
    text.end[text.numbers++] = text.bytes;
}

static void put_digits(char **to, int count) {
    for (int i = 0; i < count; i++)
        *(*to)++ = (char)('0' + random_below(10));
}

static void make_plain(char *to, int before, int behind, bool exponent) {
    if (random_below(2))
        *to++ = '-';
    if (before == 0) {
        *to++ = '0';
    } else {
        *to++ = (char)('1' + random_below(9));
        put_digits(&to, before - 1);
    }
    if (behind > 0)
        *to++ = '.';
    put_digits(&to, behind);
    *to = '\0';
    if (exponent)
        sprintf(to, "%c%s%0*d", random_below(2) ? 'e' : 'E',
                random_below(2)   ? "-"
                : random_below(2) ? "+"
                                  : "",
                1 + random_below(3), random_below(30));
}

/* Exactly, or nearly, halfway between two neighbouring float32. */
static void make_tie(char *to) {
    float lower = f32_of_bits((uint32_t)(random_u64() % 0x17000000 + 0x34000000));
    double tie = ((double)lower + (double)nextafterf(lower, INFINITY)) / 2;
    int length = sprintf(to, "%.*f", 20 + random_below(40), tie);
    if (random_below(2))
        to[length - 1 - random_below(5)] = (char)('0' + random_below(10));
}

/* Beside the middle of two neighbouring subnormal float32, with its zeros written out: 0.00…ddd…e-31. */
static void make_subnormal(char *to) {
    double lower = (double)f32_of_bits((uint32_t)(random_u64() % 0x800000));
    char digits[64];
    sprintf(digits, "%.*e", 15 + random_below(6), lower + 0x1p-150);
    int exponent = atoi(strchr(digits, 'e') + 1), zeros = -exponent - 31 - 1;
    *strchr(digits, 'e') = '\0';
    sprintf(to, "%s0.%0*d%c%se-31", random_below(2) ? "-" : "", zeros, 0, digits[0], digits + 2);
}

static void make_number(char *to) {
    switch (random_below(13)) {
    case 0: sprintf(to, "%d", random_below(256)); break;
    case 1: sprintf(to, "%.9g", (double)f32_of_bits((uint32_t)random_u64() & 0xbfffffff)); break;
    case 2: sprintf(to, "%.17g", (double)random_u64() / 1e19); break;
    case 3: make_plain(to, random_below(12), random_below(24), false); break;
    case 4: make_plain(to, random_below(38), random_below(40), false); break;
    case 5: make_plain(to, random_below(4), random_below(9), true); break;
    case 6: make_plain(to, random_below(25), 0, false); break;
    case 7: make_tie(to); break;
    case 8: make_subnormal(to); break;
    case 9:
        sprintf(to, "%s", (const char *const[]){"NaN", "Infinity", "-Infinity", "-0"}[random_below(4)]);
        break;
    case 10: sprintf(to, "0.%0*d", random_below(31), random_below(1000)); break;
    default: sprintf(to, "%.7f", (double)(int64_t)random_u64() / 9e18); break;
    }
}

static void make_byte(char *to) {
    sprintf(to, "%d", random_below(random_below(50) ? 256 : 1000000000));
}

/* As float32 are written, of 14 digits at most; in some texts there are longer ones, and ones that are not plain. */
static int one_in;

static void make_short(char *to) {
    if (one_in > 0 && random_below(one_in) == 0) {
        make_number(to);
        return;
    }
    int digits = 1 + random_below(14), before = random_below(digits + 1), behind = digits - before;
    make_plain(to, before, behind - (before == 0 && behind > 0), false); /* "0." is a digit */
}

/* As Python writes float32. */
static void make_long(char *to) {
    if (one_in > 0 && random_below(one_in) == 0) {
        make_number(to);
        return;
    }
    int digits = 14 + random_below(19), before = random_below(digits + 1);
    make_plain(to, before, digits - before - (before == 0), false);
}

static void put_blanks(void) {
    static const char blanks[] = " \n\t\r";
    if (random_below(8))
        return;
    for (int count = random_below(random_below(9) ? 3 : 70); count > 0; count--)
        text.data[text.bytes++] = blanks[random_below(4)];
}

/* The lists of dimension `level` on. */
static void put_lists(const struct shape *shape, int level, void (*make)(char *to)) {
    put("[");
    for (int64_t i = 0; i < shape->dim[level]; i++) {
        char number[128];
        put(i == 0 ? "" : random_below(2) ? "," : ", ");
        put_blanks();
        if (level < shape->rank - 1) {
            put_lists(shape, level + 1, make);
        } else {
            make(number);
            put_number(number);
        }
        put_blanks();
    }
    put("]");
}

static struct shape random_shape(void) {
    struct shape shape = {.rank = 1 + random_below(random_below(20) ? 4 : 9)};
    int64_t elems = 1;
    for (int i = 0; i < shape.rank; i++) {
        int64_t room = MOST_NUMBERS / elems;
        shape.dim[i] = 1 + random_below((int)(room < 40 ? room : 40));
        elems *= shape.dim[i];
    }
    return shape;
}

/* ---- checks ---- */

/* Walks in steps of `step` bytes; what follows the array is of no interest to it. */
static enum array_verdict walk(struct array_structure *s, const char *begin, const char *end, size_t step) {
    enum array_verdict verdict;
    *s = (struct array_structure){.at = begin, .end = end, .max_depth = 32};
    while ((verdict = array_structure_walk(s, step)) == ARRAY_MORE)
        ;
    return verdict;
}

static void expect_f32(const struct array_range *range, const char *base, int first) {
    static float out[MOST_NUMBERS + 1];
    out[range->count] = 12345;
    assert_int_equal(array_read_f32(range, out), range->count);
    for (int64_t i = 0; i < range->count; i++) {
        float wanted;
        assert_true(array_number_f32(base + text.begin[first + i], base + text.end[first + i], &wanted));
        if (bits_of_f32(wanted) != bits_of_f32(out[i]))
            fail_msg("%s: %.*s is %a, not %a", kernels_get()->name,
                     (int)(text.end[first + i] - text.begin[first + i]), base + text.begin[first + i],
                     (double)wanted, (double)out[i]);
    }
    assert_true(out[range->count] == 12345);
}

static void expect_f64(const struct array_range *range, const char *base, int first) {
    static double out[MOST_NUMBERS + 1];
    out[range->count] = 12345;
    assert_int_equal(array_read_f64(range, out), range->count);
    for (int64_t i = 0; i < range->count; i++) {
        double wanted;
        assert_true(array_number_f64(base + text.begin[first + i], base + text.end[first + i], &wanted));
        assert_int_equal(bits_of_f64(wanted), bits_of_f64(out[i]));
    }
    assert_true(out[range->count] == 12345);
}

/* The whole, then the numbers that begin in [cut, cut2) for two places of the text. */
static void expect_numbers(const char *base) {
    const char *end = base + text.bytes;
    struct array_range range = {.begin = base, .count = text.numbers, .floor = base, .end = end};
    expect_f32(&range, base, 0);
    expect_f64(&range, base, 0);
    size_t from = (size_t)random_below((int)text.bytes),
           to = from + (size_t)random_below((int)(text.bytes - from));
    int first = 0, last;
    while (first < text.numbers && text.begin[first] < from)
        first++;
    for (last = first; last < text.numbers && text.begin[last] < to; last++)
        ;
    range.begin = base + from;
    range.count = last - first;
    expect_f32(&range, base, first);
    expect_f64(&range, base, first);
}

static void expect_array(const struct shape *shape, const char *base) {
    struct array_structure s;
    assert_int_equal(walk(&s, base, base + text.bytes, 64 * (size_t)(1 + random_below(20))), ARRAY_DONE);
    assert_ptr_equal(s.at, base + text.bytes);
    assert_int_equal(s.numbers, text.numbers);
    assert_true(shape_equal(&s.shape, shape));
    expect_numbers(base);
}

static void check_arrays(void (*make)(char *to), int count) {
    for (int i = 0; i < count; i++) {
        struct shape shape = random_shape();
        text.bytes = 0;
        text.numbers = 0;
        put_lists(&shape, 0, make);
        expect_array(&shape, fence_copy_to_end(&fence, text.data, text.bytes));
        expect_array(&shape, fence_copy_to_begin(&fence, text.data, text.bytes));
    }
}

static void reads_what_is_there(void **state) {
    (void)state;
    for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
        const char *error;
        if (!kernels_init(levels[level], &error))
            continue;
        random_state = 1;
        check_arrays(make_number, 300);
        check_arrays(make_byte, 100);
        for (one_in = 0; one_in <= 640; one_in = one_in == 0 ? 10 : 4 * one_in) {
            check_arrays(make_short, 60);
            check_arrays(make_long, 60);
        }
    }
}

/* ---- what is no array ---- */

struct structure_case {
    const char *text;
    int bytes; /* of the array; 0: refused */
    struct shape shape;
};

static const struct structure_case structure_cases[] = {
    {"[1]", 3, {1, {1}}},
    {"[1],[2]", 3, {1, {1}}},
    {"[[1,2],[3,4]]}", 13, {2, {2, 2}}},
    {"[]", 0, {0}},
    {"[[],[]]", 0, {0}},
    {"[1", 0, {0}},
    {"[1,", 0, {0}},
    {"[", 0, {0}},
    {"[1,]", 0, {0}},
    {"[,1]", 0, {0}},
    {"[1,,2]", 0, {0}},
    {"[1 2]", 0, {0}},
    {"[[1][2]]", 0, {0}},
    {"[[1] [2]]", 0, {0}},
    {"[[1]2]", 0, {0}},
    {"[1[2]]", 0, {0}},
    {"[[1],2]", 0, {0}},
    {"[1,[2]]", 0, {0}},
    {"[[1,2],[3]]", 0, {0}},
    {"[[1],[2,3]]", 0, {0}},
    {"[[[1]],[2]]", 0, {0}},
    {"[[1],[[2]]]", 0, {0}},
    {"[[[1],[2]],[[3]]]", 0, {0}},
    {"[[1],[]]", 0, {0}},
    {"[\"NaN\"]", 0, {0}},
    {"[1,\\2]", 0, {0}},
    {"[1,\x01\x32]", 0, {0}},
    {"[1\x0b,2]", 0, {0}},
    {"[\xb1]", 0, {0}},
    {"[1,\xc3\xa9]", 0, {0}},
};

static void tells_arrays_from_others(void **state) {
    (void)state;
    for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
        const char *error;
        if (!kernels_init(levels[level], &error))
            continue;
        for (size_t i = 0; i < sizeof structure_cases / sizeof structure_cases[0]; i++) {
            const struct structure_case *c = &structure_cases[i];
            const char *base = fence_copy_to_end(&fence, c->text, strlen(c->text));
            struct array_structure s;
            bool done = walk(&s, base, fence.end, 64) == ARRAY_DONE;
            if (done != (c->bytes != 0))
                fail_msg("%s is taken for %s", c->text, done ? "an array" : "none");
            assert_true(!done || (s.at == base + c->bytes && shape_equal(&s.shape, &c->shape)));
        }
    }
}

static void depth_is_limited(void **state) {
    (void)state;
    char deep[80];
    for (int depth = 1; depth <= 33; depth++) {
        memset(deep, '[', (size_t)depth);
        deep[depth] = '7';
        memset(deep + depth + 1, ']', (size_t)depth);
        struct array_structure s;
        assert_int_equal(walk(&s, deep, deep + 2 * depth + 1, 64), depth <= 32 ? ARRAY_DONE : ARRAY_REFUSED);
    }
}

/* Of the text with one byte changed: a plain recursive reading, which knows brackets, commas and tokens. */
static bool plain_list(const char **at, const char *end, struct shape *shape, int level, int64_t *numbers) {
    int64_t count = 0;
    bool lists = false;
    for ((*at)++;; (*at)++) {
        while (*at < end && strchr(" \n\r\t", **at) != NULL && **at != '\0')
            (*at)++;
        if (*at == end)
            return false;
        bool list = **at == '[';
        if (count > 0 && list != lists)
            return false;
        lists = list;
        const char *token = *at;
        if (list && (level == 31 || !plain_list(at, end, shape, level + 1, numbers)))
            return false;
        while (!list && *at < end && strchr(" \n\r\t,[]", **at) == NULL) {
            if ((signed char)**at < ' ' || **at == '"' || **at == '\\')
                return false;
            (*at)++;
        }
        if (!list && (*at == token || (shape->rank != 0 && shape->rank != level + 1)))
            return false;
        if (!list)
            shape->rank = level + 1, ++*numbers;
        count++;
        while (*at < end && strchr(" \n\r\t", **at) != NULL && **at != '\0')
            (*at)++;
        if (*at == end || (**at != ',' && **at != ']'))
            return false;
        if (**at == ']')
            break;
    }
    (*at)++;
    if (shape->dim[level] == 0)
        shape->dim[level] = count;
    return shape->dim[level] == count;
}

static void mutate(void) {
    static const char bytes[] = "[],, \n1.-e\"\\\0\x1f{\xb1\xac";
    for (int count = 1 + random_below(2); count > 0; count--) {
        size_t at = (size_t)random_below((int)text.bytes);
        switch (random_below(3)) {
        case 0: text.data[at] = bytes[random_below((int)sizeof bytes)]; break;
        case 1: memmove(text.data + at, text.data + at + 1, --text.bytes - at); break;
        default: text.data[at] = text.data[(size_t)random_below((int)text.bytes)]; break;
        }
    }
}

static void judges_mutated_arrays(void **state) {
    (void)state;
    int taken = 0, refused = 0;
    random_state = 5;
    for (int i = 0; i < 20000; i++) {
        struct shape shape = {.rank = 1 + random_below(4)};
        for (int d = 0; d < shape.rank; d++)
            shape.dim[d] = 1 + random_below(4);
        text.bytes = 0;
        text.numbers = 0;
        put_lists(&shape, 0, make_byte);
        mutate();
        const char *base = fence_copy_to_end(&fence, text.data, text.bytes), *at = base;
        struct shape found = {0};
        int64_t numbers = 0;
        if (*base != '[') /* nobody asks about such a text */
            continue;
        bool wanted = plain_list(&at, fence.end, &found, 0, &numbers);
        for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
            const char *error;
            struct array_structure s;
            if (!kernels_init(levels[level], &error))
                continue;
            bool done = walk(&s, base, fence.end, 64) == ARRAY_DONE;
            if (done != wanted)
                fail_msg("%s: %.*s is taken for %s", levels[level], (int)text.bytes, text.data,
                         done ? "an array" : "none");
            assert_true(!done || (s.at == at && s.numbers == numbers && shape_equal(&s.shape, &found)));
        }
        taken += wanted;
        refused += !wanted;
    }
    assert_true(taken > 1000 && refused > 1000);
}

/* ---- what is no number ---- */

static const char *const broken[] = {
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "-",
    "-.5",
    "+1",
    "1e",
    "1e+",
    "--1",
    "1-",
    "1.5.",
    "1..5",
    "1.2.3",
    "0x10",
    "1a",
    "nan",
    "NaNN",
    "Inf",
    "-NaN",
    "1e5.",
    "1.e5",
    "e5",
    "1:2",
    "{}",
    "00.5",
    "-00",
    "1_000",

    "12345678901234567890123456789012a",
    "1e400",
    "-1e400",
    "1/2",
    "0123456",
    "01234567",
    "012345678",
    "1.5e",
    "0.5f",
    ".",
    "-Infinit",
};

/* The broken token at place `at` of `count` numbers: it is told, and what stands before it is read. */
static void expect_broken(const char *token, int count, int at, void (*make)(char *to)) {
    static float f32[MOST_NUMBERS];
    static double f64[MOST_NUMBERS];
    char number[128];
    text.bytes = 0;
    text.numbers = 0;
    put("[");
    for (int i = 0; i < count; i++) {
        make(number);
        put(i > 0 ? ", " : "");
        put_number(i == at ? token : number);
    }
    put("]");
    const char *base = fence_copy_to_end(&fence, text.data, text.bytes);
    struct array_range range = {.begin = base, .count = count, .floor = base, .end = fence.end};
    int64_t read32 = array_read_f32(&range, f32), read64 = array_read_f64(&range, f64);
    if (read32 != at || read64 != at)
        fail_msg("%s: %s at %d of %d is read: %d, %d", kernels_get()->name, token, at, count, (int)read32,
                 (int)read64);
}

static void tells_broken_numbers(void **state) {
    (void)state;
    for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
        const char *error;
        if (!kernels_init(levels[level], &error))
            continue;
        random_state = 9;
        for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
            for (int n = 0; n < 40; n++) {
                int count = 1 + random_below(200);
                expect_broken(broken[i], count, random_below(count), n % 2 ? make_byte : make_number);
            }
    }
}

/* A number of megabytes is cut into many ranges in which none begins: were each to look for its end, its time would grow with
 * the square of its length. The text goes on where it cannot be read. */
static void looks_at_nothing_for_no_numbers(void **state) {
    (void)state;
    const char *base = fence_copy_to_end(&fence, "[3333", 5);
    for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
        const char *error;
        float f32;
        double f64;
        if (!kernels_init(levels[level], &error))
            continue;
        struct array_range range = {.begin = base + 2, .floor = base, .end = base + 1000};
        assert_int_equal(array_read_f32(&range, &f32), 0);
        assert_int_equal(array_read_f64(&range, &f64), 0);
    }
}

/* Of the right grammar, and beyond the range of float32 only. */
static void tells_what_is_out_of_range(void **state) {
    (void)state;
    static const char *const large[] = {"1e39",
                                        "3.5e38",
                                        "-3.4028236e38",
                                        "99999999999e29",
                                        "-12345678901234567890e25",
                                        "1e+41",
                                        "3402823567797336616637539395458142568448",
                                        "340282356779733661663753939545814256848"};
    for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
        const char *error;
        if (!kernels_init(levels[level], &error))
            continue;
        for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
            char array[400];
            float f32[8];
            double f64[8];
            /* blanks in front, so that the numbers are not the first bytes of the text */
            size_t bytes = (size_t)sprintf(
                array, "[%40s, 3.4028235e38, -3.4028235677973362e38, %s, 1, 2, 3, 4]", "0.5", large[i]);
            char *base = fence_copy_to_end(&fence, array, bytes);
            struct array_range range = {.begin = base, .count = 8, .floor = base, .end = fence.end};
            assert_int_equal(array_read_f64(&range, f64), 8);
            assert_int_equal(array_read_f32(&range, f32), 3);
            assert_true(f32[1] == 3.4028235e38f && f32[2] == -3.4028235e38f);
        }
    }
}

/* Longer than several segments, so that its beginning lies behind the reader when its end is found. */
static void reads_very_long_numbers(void **state) {
    (void)state;
    for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
        const char *error;
        if (!kernels_init(levels[level], &error))
            continue;
        for (int digits = 1; digits < 9000; digits += 1 + digits / 3) {
            static char number[9001];
            memset(number, '3', (size_t)digits);
            number[digits] = '\0';
            number[1] = digits > 2 ? '.' : number[1];
            text.bytes = 0;
            text.numbers = 0;
            put("[1, ");
            text.begin[0] = 1, text.end[0] = 2, text.numbers = 1;
            put_number(number);
            put(", ");
            put_number("2.5");
            put("]");
            expect_numbers(fence_copy_to_end(&fence, text.data, text.bytes));
        }
    }
}

static void counts_plain_bytes(void **state) {
    (void)state;
    static const char others[] = "\"\\\x1f\n\x80\xff";
    char line[200];
    for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
        const char *error;
        if (!kernels_init(levels[level], &error))
            continue;
        for (int bytes = 0; bytes < 200; bytes++)
            for (int at = 0; at <= bytes; at++) {
                memset(line, at % 2 ? 0x7f : ' ', (size_t)bytes);
                if (at < bytes)
                    line[at] = others[random_below((int)sizeof others)];
                char *base = fence_copy_to_end(&fence, line, (size_t)bytes);
                assert_int_equal(array_plain_bytes(base, fence.end), at);
            }
    }
}

int main(void) {
    fence = fence_make(MOST_BYTES);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_there),        cmocka_unit_test(tells_arrays_from_others),
        cmocka_unit_test(depth_is_limited),           cmocka_unit_test(judges_mutated_arrays),
        cmocka_unit_test(tells_broken_numbers),       cmocka_unit_test(looks_at_nothing_for_no_numbers),
        cmocka_unit_test(tells_what_is_out_of_range), cmocka_unit_test(reads_very_long_numbers),
        cmocka_unit_test(counts_plain_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

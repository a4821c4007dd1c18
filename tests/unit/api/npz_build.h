/*
 * Archives built record by record, in every way that writers have, so that a test can break each record.
 */
#ifndef CONVD_TESTS_UNIT_API_NPZ_BUILD_H
#define CONVD_TESTS_UNIT_API_NPZ_BUILD_H

#include "tests/unit/api/form_help.h"

#include <zlib.h>

/* How an archive is written: as numpy writes one, as zip tools do, as streams are, with zip64 where it must or may. */
enum kind {
    PLAIN,
    DEFLATED,
    NUMPY,         /* stored; zip64 sizes in the local headers, which numpy forces */
    STREAMED,      /* sizes in a data descriptor with a signature */
    STREAMED_BARE, /* without one, the sizes in the local headers too */
    STREAMED_WIDE, /* deflated, zip64 */
    WIDE,          /* everything in zip64 records */
    CHATTY,        /* comments, other extra fields, UTF-8 names */
    KINDS
};

enum record { BODY, LOCAL, EXTRA, DATA, DESCRIPTOR, ENTRY, ENTRY_EXTRA, END64, LOCATOR, END, RECORDS };

struct built {
    struct bytes file;
    size_t at[RECORDS][2]; /* of each member's; those of the archive at 0 */
};

static const float values[2][6] = {{1, 2, 3, 4, 5, 6}, {0.5f, -1, 0, 7, 1e-40f, 8}};
static const char *const member_names[2] = {"input.npy", "weight.npy"};

static inline bool is_streamed(enum kind kind) {
    return kind == STREAMED || kind == STREAMED_BARE || kind == STREAMED_WIDE;
}

static inline bool is_deflated(enum kind kind) {
    return kind == DEFLATED || kind == STREAMED_WIDE;
}

static inline void deflate_to(struct bytes *out, const struct bytes *in) {
    z_stream stream = {.zalloc = NULL};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)in->at;
    stream.avail_in = (uInt)in->count;
    stream.next_out = out->at;
    stream.avail_out = sizeof out->at;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->count = stream.total_out;
    deflateEnd(&stream);
}

/* From flags to the sizes, in which `full` puts zip64's sign. */
static inline void add_common(struct bytes *file, enum kind kind, uint32_t crc, size_t packed,
                              size_t unpacked, bool full) {
    uint64_t streamed = is_streamed(kind) ? 8 : 0, utf8 = kind == CHATTY ? 0x800 : 0;
    add_number(file, streamed | utf8, 2);
    add_number(file, is_deflated(kind) ? 8 : 0, 2);
    add_number(file, 0x00210000, 4);
    add_number(file, crc, 4);
    add_number(file, full ? 0xFFFFFFFF : packed, 4);
    add_number(file, full ? 0xFFFFFFFF : unpacked, 4);
}

static inline void add_local(struct built *built, enum kind kind, int i, const struct bytes *packed,
                             size_t unpacked, uint32_t crc) {
    struct bytes *file = &built->file;
    bool unknown = kind == STREAMED || kind == STREAMED_WIDE;
    bool wide = kind == NUMPY || kind == WIDE || kind == STREAMED_WIDE;
    size_t packed_bytes = unknown ? 0 : packed->count, unpacked_bytes = unknown ? 0 : unpacked;
    built->at[LOCAL][i] = file->count;
    add_number(file, 0x04034b50, 4);
    add_number(file, 45, 2);
    add_common(file, kind, unknown ? 0 : crc, packed_bytes, unpacked_bytes, wide);
    add_number(file, strlen(member_names[i]), 2);
    add_number(file, (wide ? 20u : 0u) + (kind == CHATTY ? 7u : 0u), 2);
    add_bytes(file, member_names[i], strlen(member_names[i]));
    built->at[EXTRA][i] = file->count;
    if (kind == CHATTY)
        add_bytes(file, "ux\3\0abc", 7);
    if (wide) {
        add_number(file, 1, 2);
        add_number(file, 16, 2);
        add_number(file, unpacked_bytes, 8);
        add_number(file, packed_bytes, 8);
    }
}

static inline void add_member(struct built *built, enum kind kind, int i, size_t *packed_bytes,
                              size_t *unpacked_bytes, uint32_t *crc) {
    static struct bytes npy, packed;
    npy.count = 0;
    add_npy(&npy, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 3), }\n", values[i],
            sizeof values[i]);
    packed = npy;
    if (is_deflated(kind))
        deflate_to(&packed, &npy);
    *crc = (uint32_t)crc32(0, npy.at, (uInt)npy.count);
    *packed_bytes = packed.count;
    *unpacked_bytes = npy.count;
    add_local(built, kind, i, &packed, npy.count, *crc);
    built->at[DATA][i] = built->file.count;
    add_bytes(&built->file, packed.at, packed.count);
    built->at[DESCRIPTOR][i] = built->file.count;
    if (!is_streamed(kind))
        return;
    if (kind != STREAMED_BARE)
        add_number(&built->file, 0x08074b50, 4);
    add_number(&built->file, *crc, 4);
    add_number(&built->file, packed.count, kind == STREAMED_WIDE ? 8 : 4);
    add_number(&built->file, npy.count, kind == STREAMED_WIDE ? 8 : 4);
}

static inline void add_entry(struct built *built, enum kind kind, int i, size_t packed, size_t unpacked,
                             uint32_t crc) {
    struct bytes *file = &built->file;
    bool wide = kind == WIDE;
    built->at[ENTRY][i] = file->count;
    add_number(file, 0x02014b50, 4);
    add_number(file, 0x032D, 2);
    add_number(file, 45, 2);
    add_common(file, kind, crc, packed, unpacked, wide);
    add_number(file, strlen(member_names[i]), 2);
    add_number(file, wide ? 28 : kind == CHATTY ? 4 : 0, 2);
    add_number(file, kind == CHATTY ? 3 : 0, 2);
    add_number(file, 0, 2 + 2 + 4);
    add_number(file, wide ? 0xFFFFFFFF : built->at[LOCAL][i], 4);
    add_bytes(file, member_names[i], strlen(member_names[i]));
    built->at[ENTRY_EXTRA][i] = file->count;
    if (kind == CHATTY)
        add_bytes(file, "ux\0\0abc", 7);
    if (!wide)
        return;
    add_number(file, 1, 2);
    add_number(file, 24, 2);
    add_number(file, unpacked, 8);
    add_number(file, packed, 8);
    add_number(file, built->at[LOCAL][i], 8);
}

static inline void add_end64(struct built *built, size_t directory_at) {
    struct bytes *file = &built->file;
    size_t directory_bytes = file->count - directory_at, end64_at = file->count;
    built->at[END64][0] = end64_at;
    add_number(file, 0x06064b50, 4);
    add_number(file, 44, 8);
    add_number(file, 0x002D032D, 4);
    add_number(file, 0, 8);
    add_number(file, 2, 8);
    add_number(file, 2, 8);
    add_number(file, directory_bytes, 8);
    add_number(file, directory_at, 8);
    built->at[LOCATOR][0] = file->count;
    add_number(file, 0x07064b50, 4);
    add_number(file, 0, 4);
    add_number(file, end64_at, 8);
    add_number(file, 1, 4);
}

static inline struct built *build(enum kind kind) {
    static struct built built;
    size_t packed[2], unpacked[2];
    uint32_t crc[2];
    built.file.count = 0;
    for (int i = 0; i < 2; i++)
        add_member(&built, kind, i, &packed[i], &unpacked[i], &crc[i]);
    size_t directory_at = built.file.count;
    for (int i = 0; i < 2; i++)
        add_entry(&built, kind, i, packed[i], unpacked[i], crc[i]);
    size_t directory_bytes = built.file.count - directory_at;
    if (kind == WIDE)
        add_end64(&built, directory_at);
    built.at[END][0] = built.file.count;
    add_number(&built.file, 0x06054b50, 4);
    add_number(&built.file, 0, 4);
    add_number(&built.file, kind == WIDE ? 0xFFFF : 2, 2);
    add_number(&built.file, kind == WIDE ? 0xFFFF : 2, 2);
    add_number(&built.file, kind == WIDE ? 0xFFFFFFFF : directory_bytes, 4);
    add_number(&built.file, kind == WIDE ? 0xFFFFFFFF : directory_at, 4);
    add_number(&built.file, kind == CHATTY ? 5 : 0, 2);
    if (kind == CHATTY)
        add_bytes(&built.file, "hello", 5);
    return &built;
}

static inline void put(struct built *built, enum record record, int i, size_t offset, uint64_t value,
                       int width) {
    unsigned char *at = built->file.at + built->at[record][i] + offset;
    for (int k = 0; k < width; k++)
        at[k] = (unsigned char)(value >> (8 * k));
}

#endif

/*
 * An npz of stored members. A member's data begin at a multiple of 64 in the body: the npy header's length is one, and
 * in front of it stands an extra field that holds nothing but the bytes that are missing to another (0xD935, which
 * Android's zipalign made known). So the tensors are computed where they are sent from, and the checksum is the only
 * pass over them.
 */
#include "api/forms/bytes.h"
#include "api/forms/crc32.h"
#include "api/forms/npy.h"
#include "api/forms/npz.h"

#include <assert.h>
#include <string.h>

enum { LOCAL_BYTES = 30, ENTRY_BYTES = 46, END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20 };
enum { ZIP64_EXTRA = 1, PADDING_EXTRA = 0xD935, ALIGN_BYTES = 64 };
/* An extra field's own head, and zip64's for a local header: both sizes. */
static const size_t EXTRA_BYTES = 4, LOCAL_ZIP64_BYTES = 20;
enum { VERSION_STORED = 20, VERSION_ZIP64 = 45, MADE_ON_UNIX = 3 << 8 };
#define FULL16 0xFFFFu
#define FULL32 0xFFFFFFFFu

/* Midnight of the first of January 1980, the earliest that MS-DOS can say: an archive depends on its tensors alone. */
enum { TIME = 0, DATE = 0 << 9 | 1 << 5 | 1 };
/* rw-r--r-- of a regular file, where Unix tools look for it. */
#define ATTRIBUTES (0100644u << 16)

static const char suffix[] = ".npy";

struct member {
    const char *name;
    size_t name_bytes; /* with the suffix */
    size_t local_at, npy_at, header_bytes, data_bytes;
    size_t padding_bytes; /* of the extra field, without its own head */
    bool zip64;           /* its size does not fit into 32 bits */
    uint32_t crc;
};

struct archive {
    struct member member[PACK_MAX_TENSORS];
    int count;
    size_t directory_at, directory_bytes, bytes;
    bool zip64; /* of the end record */
};

static size_t npy_bytes(const struct member *member) {
    return member->header_bytes + member->data_bytes;
}

/* ---- places ---- */

/* Bytes of the directory's entry: zip64 holds two sizes when they are full, and the place when that is. */
static size_t entry_bytes(const struct member *member) {
    size_t values = (member->zip64 ? 16u : 0u) + (member->local_at >= FULL32 ? 8u : 0u);
    return ENTRY_BYTES + member->name_bytes + (values > 0 ? EXTRA_BYTES + values : 0);
}

/* Lays a member out at `at`; false when its end does not fit. */
static bool place_member(const struct packing *packing, int i, size_t at, struct member *member,
                         size_t *end) {
    size_t bytes;
    *member = (struct member){.name = packing->name[i],
                              .name_bytes = strlen(packing->name[i]) + sizeof suffix - 1,
                              .local_at = at,
                              .header_bytes = npy_write_header(NULL, &packing->tensor[i])};
    if (!pack_data_bytes(packing, i, &member->data_bytes) ||
        __builtin_add_overflow(member->header_bytes, member->data_bytes, &bytes) || at > SIZE_MAX - 4096)
        return false;
    member->zip64 = bytes >= FULL32;
    size_t fixed =
        at + LOCAL_BYTES + member->name_bytes + (member->zip64 ? LOCAL_ZIP64_BYTES : 0) + EXTRA_BYTES;
    member->npy_at = (fixed + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    member->padding_bytes = member->npy_at - fixed;
    return !__builtin_add_overflow(member->npy_at, bytes, end);
}

static bool place(const struct packing *packing, struct archive *archive) {
    size_t at = 0;
    *archive = (struct archive){.count = packing->count};
    for (int i = 0; i < archive->count; i++) {
        if (!place_member(packing, i, at, &archive->member[i], &at))
            return false;
    }
    archive->directory_at = at;
    for (int i = 0; i < archive->count; i++)
        archive->directory_bytes += entry_bytes(&archive->member[i]);
    archive->zip64 = archive->directory_at >= FULL32;
    size_t rest = archive->directory_bytes + (archive->zip64 ? END64_BYTES + LOCATOR_BYTES : 0) + END_BYTES;
    return !__builtin_add_overflow(at, rest, &archive->bytes);
}

bool npz_plan(struct packing *packing) {
    struct archive archive;
    if (!place(packing, &archive))
        return false;
    for (int i = 0; i < archive.count; i++)
        packing->data_at[i] = archive.member[i].npy_at + archive.member[i].header_bytes;
    packing->bytes = archive.bytes;
    return true;
}

/* ---- bytes ---- */

static uint64_t full32_if(bool full, uint64_t value) {
    return full ? FULL32 : value;
}

/* From the version to the name's length, local headers and the directory's entries have the same fields. */
static unsigned char *put_common(unsigned char *at, const struct member *member) {
    at = bytes_put(at, member->zip64 || member->local_at >= FULL32 ? VERSION_ZIP64 : VERSION_STORED, 2);
    at = bytes_put(at, 0, 4); /* no flags; stored */
    at = bytes_put(at, TIME, 2);
    at = bytes_put(at, DATE, 2);
    at = bytes_put(at, member->crc, 4);
    at = bytes_put(at, full32_if(member->zip64, npy_bytes(member)), 4);
    at = bytes_put(at, full32_if(member->zip64, npy_bytes(member)), 4);
    return bytes_put(at, member->name_bytes, 2);
}

static unsigned char *put_name(unsigned char *at, const struct member *member) {
    size_t stem = member->name_bytes - (sizeof suffix - 1);
    memcpy(at, member->name, stem);
    memcpy(at + stem, suffix, sizeof suffix - 1);
    return at + member->name_bytes;
}

static void put_local(unsigned char *body, const struct member *member) {
    unsigned char *at = bytes_put(body + member->local_at, 0x04034b50, 4);
    at = put_common(at, member);
    at = bytes_put(at, (member->zip64 ? LOCAL_ZIP64_BYTES : 0) + EXTRA_BYTES + member->padding_bytes, 2);
    at = put_name(at, member);
    if (member->zip64) {
        at = bytes_put(at, ZIP64_EXTRA, 2);
        at = bytes_put(at, 16, 2);
        at = bytes_put(at, npy_bytes(member), 8);
        at = bytes_put(at, npy_bytes(member), 8);
    }
    at = bytes_put(at, PADDING_EXTRA, 2);
    at = bytes_put(at, member->padding_bytes, 2);
    memset(at, 0, member->padding_bytes);
}

static unsigned char *put_entry(unsigned char *at, const struct member *member) {
    bool far = member->local_at >= FULL32;
    size_t values = entry_bytes(member) - ENTRY_BYTES - member->name_bytes;
    at = bytes_put(at, 0x02014b50, 4);
    at = bytes_put(at, MADE_ON_UNIX | VERSION_ZIP64, 2);
    at = put_common(at, member);
    at = bytes_put(at, values, 2);
    at = bytes_put(at, 0, 2 + 2 + 2); /* no comment; the first disk; a binary file */
    at = bytes_put(at, ATTRIBUTES, 4);
    at = bytes_put(at, full32_if(far, member->local_at), 4);
    at = put_name(at, member);
    if (values == 0)
        return at;
    at = bytes_put(at, ZIP64_EXTRA, 2);
    at = bytes_put(at, values - EXTRA_BYTES, 2);
    for (int i = 0; member->zip64 && i < 2; i++)
        at = bytes_put(at, npy_bytes(member), 8);
    return far ? bytes_put(at, member->local_at, 8) : at;
}

static unsigned char *put_end64(unsigned char *at, const struct archive *archive) {
    at = bytes_put(at, 0x06064b50, 4);
    at = bytes_put(at, END64_BYTES - 12, 8);
    at = bytes_put(at, MADE_ON_UNIX | VERSION_ZIP64, 2);
    at = bytes_put(at, VERSION_ZIP64, 2);
    at = bytes_put(at, 0, 8); /* the first disk, twice */
    at = bytes_put(at, (uint64_t)archive->count, 8);
    at = bytes_put(at, (uint64_t)archive->count, 8);
    at = bytes_put(at, archive->directory_bytes, 8);
    at = bytes_put(at, archive->directory_at, 8);
    at = bytes_put(at, 0x07064b50, 4);
    at = bytes_put(at, 0, 4);
    at = bytes_put(at, archive->directory_at + archive->directory_bytes, 8);
    return bytes_put(at, 1, 4);
}

static void put_end(unsigned char *at, const struct archive *archive) {
    at = bytes_put(at, 0x06054b50, 4);
    at = bytes_put(at, 0, 4);
    at = bytes_put(at, (uint64_t)archive->count, 2);
    at = bytes_put(at, (uint64_t)archive->count, 2);
    at = bytes_put(at, archive->directory_bytes, 4);
    at = bytes_put(at, full32_if(archive->zip64, archive->directory_at), 4);
    bytes_put(at, 0, 2);
}

void npz_finish(const struct packing *packing, unsigned char *body) {
    struct archive archive;
    bool fits = place(packing, &archive);
    assert(fits);
    (void)fits;
    unsigned char *at = body + archive.directory_at;
    for (int i = 0; i < archive.count; i++) {
        struct member *member = &archive.member[i];
        npy_write_header(body + member->npy_at, &packing->tensor[i]);
        member->crc = crc32_add(0, body + member->npy_at, npy_bytes(member));
        put_local(body, member);
        at = put_entry(at, member);
    }
    if (archive.zip64)
        at = put_end64(at, &archive);
    put_end(at, &archive);
}

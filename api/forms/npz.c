#define ZLIB_CONST
#include "api/forms/npz.h"

#include "api/forms/bytes.h"
#include "api/forms/crc32.h"
#include "api/forms/npy.h"
#include "lib/base/checked.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* APPNOTE 4.3: signatures, and lengths without what varies. */
enum { LOCAL_BYTES = 30, ENTRY_BYTES = 46, END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20 };
#define LOCAL_SIGNATURE      0x04034b50u
#define ENTRY_SIGNATURE      0x02014b50u
#define END_SIGNATURE        0x06054b50u
#define END64_SIGNATURE      0x06064b50u
#define LOCATOR_SIGNATURE    0x07064b50u
#define DESCRIPTOR_SIGNATURE 0x08074b50u

/* A field that is full says: look into the zip64 record. */
#define FULL16 0xFFFFu
#define FULL32 0xFFFFFFFFu

/* General purpose flags (APPNOTE 4.4.4): of these, none changes how the bytes are read. */
enum { FLAG_DEFLATE_LEVEL = 2 | 4, FLAG_STREAMED = 8, FLAG_UTF8 = 0x800 };
enum { FLAGS_READ = FLAG_DEFLATE_LEVEL | FLAG_STREAMED | FLAG_UTF8 };
enum { METHOD_STORED = 0, METHOD_DEFLATED = 8, ZIP64_EXTRA = 1 };

/* Deflate writes at least two bits for at most 258 bytes (RFC 1951). */
enum { MOST_RATIO = 258 * 8 / 2 };

/* What APPNOTE 6.3 has, in tenths; later versions may mean something else. */
enum { MOST_VERSION = 63 };

struct archive {
    struct form *form;
    const unsigned char *data;
    uint64_t bytes;
    uint64_t directory_at, directory_bytes, entries;
    uint64_t unpacked_bytes; /* of the members so far */
    uint64_t covered_bytes;  /* of the archive, by the members so far */
};

/* An entry of the directory, or what a local header says. */
struct entry {
    const char *name;
    size_t name_bytes;
    unsigned version, flags, method;
    uint32_t crc;
    uint64_t packed_bytes, unpacked_bytes;
    uint64_t local_at; /* of the local header; the directory's alone */
    bool zip64;
};

struct npz_member {
    uint64_t local_at, end_at; /* in the archive: header, data, descriptor */
    const unsigned char *packed;
    uint64_t packed_bytes, unpacked_bytes;
    uint32_t crc;
    bool deflated, loaded;
    /* deflated: what was unpacked of it, the npy header, and where that stands */
    z_stream stream;
    uint64_t header_bytes;
    uint32_t header_crc;
};

static bool refuse_archive(const struct archive *archive, const char *what) {
    return form_refuse(archive->form, PROBLEM_MALFORMED_BODY, NULL, "the body is no sound zip archive: %s",
                       what);
}

/* The entry at byte `at`. */
static bool refuse_entry(const struct archive *archive, uint64_t at, const char *what) {
    return form_refuse(archive->form, PROBLEM_MALFORMED_BODY, NULL,
                       "the body is no sound zip archive: the entry of its directory at byte %" PRIu64 " %s",
                       at, what);
}

static bool refuse_disks(const struct archive *archive) {
    return form_refuse(archive->form, PROBLEM_UNSUPPORTED_TENSOR, NULL, "the archive lies on several disks");
}

__attribute__((format(printf, 3, 4))) static bool refuse_member(struct form *form, const char *name,
                                                                const char *format, ...) {
    char what[160];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return form_refuse(form, PROBLEM_MALFORMED_BODY, name, "the member '%s.npy' of the archive is broken: %s",
                       name, what);
}

/* ---- the end of the archive: where the directory is ---- */

/* The record's place, or `bytes`. Behind it stands a comment of the length that it says, and nothing else. */
static uint64_t find_end(const struct archive *archive) {
    uint64_t most = archive->bytes - END_BYTES;
    for (uint64_t comment = 0; comment <= FULL16 && comment <= most; comment++) {
        const unsigned char *at = archive->data + (most - comment);
        if (bytes_get32(at) == END_SIGNATURE && bytes_get16(at + 20) == comment)
            return most - comment;
    }
    return archive->bytes;
}

/* The zip64 record, in front of its locator, which stands in front of the end. False when there is none. */
static bool find_end64(const struct archive *archive, uint64_t end_at, uint64_t *end64_at) {
    if (end_at < LOCATOR_BYTES + END64_BYTES)
        return false;
    const unsigned char *locator = archive->data + (end_at - LOCATOR_BYTES);
    *end64_at = bytes_get64(locator + 8);
    return bytes_get32(locator) == LOCATOR_SIGNATURE;
}

/* A field of the end record and its zip64 counterpart: equal, unless the first is full. */
static bool agrees(uint64_t value, uint64_t full, uint64_t wide) {
    return value == full || value == wide;
}

static bool read_end64(struct archive *archive, const unsigned char *end, uint64_t end_at,
                       uint64_t end64_at) {
    uint64_t room = end_at - LOCATOR_BYTES;
    const unsigned char *locator = archive->data + room;
    if (end64_at > room - END64_BYTES)
        return refuse_archive(archive, "its zip64 end record is not where the locator says");
    const unsigned char *end64 = archive->data + end64_at;
    if (bytes_get32(end64) != END64_SIGNATURE || bytes_get64(end64 + 4) != room - end64_at - 12)
        return refuse_archive(archive, "its zip64 end record is not where the locator says");
    uint64_t entries_here = bytes_get64(end64 + 24);
    archive->entries = bytes_get64(end64 + 32);
    archive->directory_bytes = bytes_get64(end64 + 40);
    archive->directory_at = bytes_get64(end64 + 48);
    if (bytes_get32(locator + 4) != 0 || bytes_get32(locator + 16) > 1 || bytes_get32(end64 + 16) != 0 ||
        bytes_get32(end64 + 20) != 0 || entries_here != archive->entries)
        return refuse_disks(archive);
    if (!agrees(bytes_get16(end + 10), FULL16, archive->entries) ||
        !agrees(bytes_get32(end + 12), FULL32, archive->directory_bytes) ||
        !agrees(bytes_get32(end + 16), FULL32, archive->directory_at))
        return refuse_archive(archive, "its two end records contradict each other");
    return true;
}

/* Without zip64 no field of the end record may be full, with it each may. */
static bool check_disks(const struct archive *archive, const unsigned char *end, bool zip64) {
    return (agrees(bytes_get16(end + 4), zip64 ? FULL16 : 0, 0) &&
            agrees(bytes_get16(end + 6), zip64 ? FULL16 : 0, 0) &&
            agrees(bytes_get16(end + 8), zip64 ? FULL16 : archive->entries, archive->entries)) ||
           refuse_disks(archive);
}

static bool read_end(struct archive *archive) {
    if (archive->bytes < END_BYTES)
        return refuse_archive(archive, "it is too short for one");
    uint64_t end_at = find_end(archive), end64_at = 0;
    const unsigned char *end = archive->data + end_at;
    if (end_at == archive->bytes)
        return refuse_archive(archive, "the record that ends one is missing");
    bool zip64 = find_end64(archive, end_at, &end64_at);
    if (zip64) {
        if (!read_end64(archive, end, end_at, end64_at))
            return false;
    } else {
        archive->entries = bytes_get16(end + 10);
        archive->directory_bytes = bytes_get32(end + 12);
        archive->directory_at = bytes_get32(end + 16);
    }
    uint64_t directory_end = zip64 ? end64_at : end_at;
    if (archive->directory_at > directory_end ||
        archive->directory_bytes != directory_end - archive->directory_at)
        return refuse_archive(archive, "its directory is not where its end says");
    return check_disks(archive, end, zip64);
}

/* ---- the directory ---- */

/* The zip64 extra field among `length` bytes of extra fields, or NULL; false when they are no such fields. */
static bool find_zip64(const unsigned char *extra, size_t length, const unsigned char **field,
                       size_t *bytes) {
    *field = NULL;
    while (length > 0) {
        size_t size = length < 4 ? SIZE_MAX : bytes_get16(extra + 2);
        if (length < 4 || size > length - 4)
            return false;
        if (bytes_get16(extra) == ZIP64_EXTRA) {
            if (*field != NULL)
                return false;
            *field = extra + 4;
            *bytes = size;
        }
        extra += 4 + size;
        length -= 4 + size;
    }
    return true;
}

/* Takes the next wide value for a field that is full. */
static bool widen(uint64_t *value, const unsigned char **field, size_t *bytes) {
    if (*value != FULL32)
        return true;
    if (*bytes < 8)
        return false;
    *value = bytes_get64(*field);
    *field += 8;
    *bytes -= 8;
    return true;
}

/* The values of an entry that stand in its zip64 field, in the order that APPNOTE 4.5.3 gives. */
static bool read_extra(const unsigned char *extra, size_t length, struct entry *entry) {
    const unsigned char *field;
    size_t bytes = 0;
    if (!find_zip64(extra, length, &field, &bytes))
        return false;
    entry->zip64 = field != NULL;
    return field == NULL ||
           (widen(&entry->unpacked_bytes, &field, &bytes) && widen(&entry->packed_bytes, &field, &bytes) &&
            widen(&entry->local_at, &field, &bytes));
}

/* From flags to the unpacked size, local headers and the directory's entries have the same fields. */
static struct entry read_common(const unsigned char *at) {
    return (struct entry){.flags = bytes_get16(at),
                          .method = bytes_get16(at + 2),
                          .crc = bytes_get32(at + 8),
                          .packed_bytes = bytes_get32(at + 12),
                          .unpacked_bytes = bytes_get32(at + 16)};
}

/* The entry at *at of the directory; *at is then behind it. */
static bool read_entry(const struct archive *archive, uint64_t *at, struct entry *entry) {
    uint64_t end = archive->directory_at + archive->directory_bytes;
    const unsigned char *record = archive->data + *at;
    if (end - *at < ENTRY_BYTES || bytes_get32(record) != ENTRY_SIGNATURE)
        return refuse_entry(archive, *at, "is cut off or does not begin as one");
    size_t name = bytes_get16(record + 28), extra = bytes_get16(record + 30),
           comment = bytes_get16(record + 32);
    if (end - *at - ENTRY_BYTES < name + extra + comment)
        return refuse_entry(archive, *at, "is longer than the directory");
    *entry = read_common(record + 8);
    entry->version = record[6];
    entry->name = (const char *)record + ENTRY_BYTES;
    entry->name_bytes = name;
    entry->local_at = bytes_get32(record + 42);
    if (memchr(entry->name, '\0', name) != NULL)
        return refuse_entry(archive, *at, "has a NUL in its name");
    if (!read_extra(record + ENTRY_BYTES + name, extra, entry))
        return refuse_entry(archive, *at, "has an extra field that is cut off");
    if (bytes_get16(record + 34) != 0)
        return refuse_disks(archive);
    *at += ENTRY_BYTES + name + extra + comment;
    return true;
}

/* ---- a member ---- */

static bool check_method(const struct archive *archive, const char *name, const struct entry *entry) {
    struct form *form = archive->form;
    if (entry->version > MOST_VERSION) /* as Python's zipfile */
        return form_refuse(form, PROBLEM_UNSUPPORTED_TENSOR, name,
                           "the member '%s.npy' needs version %u.%u of the format; 6.3 and lower are read",
                           name, entry->version / 10, entry->version % 10);
    if ((entry->flags & ~(unsigned)FLAGS_READ) != 0)
        return form_refuse(form, PROBLEM_UNSUPPORTED_TENSOR, name,
                           "the member '%s.npy' is encrypted or patched (flags 0x%04x)", name, entry->flags);
    if (entry->method != METHOD_STORED && entry->method != METHOD_DEFLATED)
        return form_refuse(
            form, PROBLEM_UNSUPPORTED_TENSOR, name,
            "the member '%s.npy' is compressed by method %u; stored (0) and deflated (8) are read", name,
            entry->method);
    if (entry->method == METHOD_STORED && entry->packed_bytes != entry->unpacked_bytes)
        return refuse_member(form, name, "it is stored, but its two sizes differ, %" PRIu64 " and %" PRIu64,
                             entry->packed_bytes, entry->unpacked_bytes);
    if (entry->method == METHOD_DEFLATED && entry->unpacked_bytes / MOST_RATIO > entry->packed_bytes)
        return refuse_member(form, name,
                             "its %" PRIu64 " bytes cannot unpack to the %" PRIu64 " that it says",
                             entry->packed_bytes, entry->unpacked_bytes);
    return true;
}

/* What the members say they unpack to counts as if it had been sent so. */
static bool charge(struct archive *archive, const char *name, const struct entry *entry) {
    struct form *form = archive->form;
    if (!__builtin_add_overflow(archive->unpacked_bytes, entry->unpacked_bytes, &archive->unpacked_bytes) &&
        archive->unpacked_bytes <= (uint64_t)form->max_unpacked_bytes)
        return true;
    return form_refuse(form, PROBLEM_LIMIT_EXCEEDED, name,
                       "the archive's members up to '%s.npy' have %" PRIu64
                       " bytes unpacked; the limit is %" PRId64 " (--max-body)",
                       name, archive->unpacked_bytes, form->max_unpacked_bytes);
}

/* In an archive that was streamed, the local header was written before these were known, and has 0. */
static bool same_or_unknown(uint64_t local, uint64_t value, bool streamed) {
    return local == value || (streamed && local == 0);
}

/* What they say of the member that is not the same, or NULL. */
static const char *local_differs(const struct entry *local, const struct entry *entry) {
    bool streamed = (entry->flags & FLAG_STREAMED) != 0;
    if (local->flags != entry->flags)
        return "flags";
    if (local->method != entry->method)
        return "method";
    if (local->name_bytes != entry->name_bytes || memcmp(local->name, entry->name, entry->name_bytes) != 0)
        return "name";
    if (!same_or_unknown(local->crc, entry->crc, streamed))
        return "CRC-32";
    bool sizes = same_or_unknown(local->packed_bytes, entry->packed_bytes, streamed) &&
                 same_or_unknown(local->unpacked_bytes, entry->unpacked_bytes, streamed);
    return sizes ? NULL : "sizes";
}

/* A local header that has a zip64 field has both sizes in it (APPNOTE 4.5.3), and so may say them twice, as numpy's do. */
static bool wide_sizes_differ(const unsigned char *extra, size_t length, const struct entry *entry) {
    const unsigned char *field;
    size_t bytes = 0;
    bool streamed = (entry->flags & FLAG_STREAMED) != 0;
    return find_zip64(extra, length, &field, &bytes) && field != NULL && bytes >= 16 &&
           !(same_or_unknown(bytes_get64(field), entry->unpacked_bytes, streamed) &&
             same_or_unknown(bytes_get64(field + 8), entry->packed_bytes, streamed));
}

/* Reads the local header; `member` learns where its data are. All lies in front of the directory. */
static bool read_local(const struct archive *archive, const char *name, const struct entry *entry,
                       struct entry *local, struct npz_member *member) {
    uint64_t room = archive->directory_at;
    if (entry->local_at > room || room - entry->local_at < LOCAL_BYTES)
        return refuse_member(archive->form, name, "its header is not where the directory says");
    const unsigned char *record = archive->data + entry->local_at;
    size_t name_bytes = bytes_get16(record + 26), extra_bytes = bytes_get16(record + 28);
    room -= entry->local_at + LOCAL_BYTES;
    if (bytes_get32(record) != LOCAL_SIGNATURE || room < name_bytes + extra_bytes ||
        room - name_bytes - extra_bytes < entry->packed_bytes)
        return refuse_member(archive->form, name, "its header is not where the directory says");
    *local = read_common(record + 6);
    local->name = (const char *)record + LOCAL_BYTES;
    local->name_bytes = name_bytes;
    if (!read_extra(record + LOCAL_BYTES + name_bytes, extra_bytes, local))
        return refuse_member(archive->form, name, "an extra field of its header is cut off");
    const char *other = local_differs(local, entry);
    if (other == NULL && wide_sizes_differ(record + LOCAL_BYTES + name_bytes, extra_bytes, entry))
        other = "sizes";
    if (other != NULL)
        return refuse_member(archive->form, name,
                             "its header and the directory contradict each other: the %s", other);
    member->packed = record + LOCAL_BYTES + name_bytes + extra_bytes;
    member->local_at = entry->local_at;
    member->end_at = entry->local_at + LOCAL_BYTES + name_bytes + extra_bytes + entry->packed_bytes;
    return true;
}

/* The length of the data descriptor at `at` if it is one with sizes of `wide` bytes and says what `entry` does, or 0. */
static uint64_t descriptor_bytes(const unsigned char *at, uint64_t room, int wide,
                                 const struct entry *entry) {
    uint64_t bytes = 4 + 2 * (uint64_t)wide, lead = 0;
    if (room >= 4 + bytes && bytes_get32(at) == DESCRIPTOR_SIGNATURE && bytes_get32(at + 4) == entry->crc)
        lead = 4;
    if (room < lead + bytes)
        return 0;
    at += lead;
    bool same = bytes_get32(at) == entry->crc && bytes_get(at + 4, wide) == entry->packed_bytes &&
                bytes_get(at + 4 + wide, wide) == entry->unpacked_bytes;
    return same ? lead + bytes : 0;
}

/* Behind the data of an archive that was streamed stands what was not known before. */
static bool read_descriptor(const struct archive *archive, const char *name, const struct entry *entry,
                            bool zip64, struct npz_member *member) {
    uint64_t room = archive->directory_at - member->end_at;
    const unsigned char *at = archive->data + member->end_at;
    if ((entry->flags & FLAG_STREAMED) == 0)
        return true;
    uint64_t bytes = descriptor_bytes(at, room, zip64 ? 8 : 4, entry);
    if (bytes == 0) /* some writers choose the other width */
        bytes = descriptor_bytes(at, room, zip64 ? 4 : 8, entry);
    member->end_at += bytes;
    return bytes > 0 ||
           refuse_member(archive->form, name, "the data descriptor and the directory contradict each other");
}

static bool check_overlap(const struct archive *archive, const char *name, const struct npz_member *member) {
    const struct form *form = archive->form;
    for (int i = 0; i < form->count; i++) {
        const struct npz_member *other = form->tensor[i].member;
        if (other != NULL && other != member && member->local_at < other->end_at &&
            other->local_at < member->end_at)
            return refuse_member(archive->form, name, "it overlaps another member");
    }
    return true;
}

/* ---- unpacking ---- */

static void *zlib_alloc(void *arena, uInt items, uInt size) {
    return arena_alloc(arena, (size_t)items * size);
}

/* The arena frees. */
static void zlib_free(void *arena, void *memory) {
    (void)arena;
    (void)memory;
}

static bool refuse_memory(struct form *form) {
    return form_refuse(form, PROBLEM_OVERLOADED, NULL, "memory for this request is not to be had now");
}

/*
 * One call of inflate. `out` is where the next bytes go, `room` how many. It takes few enough bytes in that a request that is not wanted any
 * more ends soon: blocks that unpack to nothing take 0.1 us a byte.
 */
static int inflate_step(struct npz_member *member, unsigned char *out, uint64_t room) {
    enum { MOST_BYTES = 1 << 18 };
    z_stream *stream = &member->stream;
    uint64_t left = member->packed_bytes - (uint64_t)(stream->next_in - member->packed);
    stream->avail_in = (uInt)(left < MOST_BYTES ? left : MOST_BYTES);
    stream->next_out = out;
    stream->avail_out = (uInt)(room < MOST_BYTES ? room : MOST_BYTES);
    return inflate(stream, Z_NO_FLUSH);
}

/* Unpacks the next `bytes` bytes. */
static bool unpack(struct form *form, const char *name, struct npz_member *member, unsigned char *out,
                   uint64_t bytes) {
    for (uint64_t done = 0; done < bytes;) {
        int status = inflate_step(member, out + done, bytes - done);
        uint64_t more = (uint64_t)(member->stream.next_out - (out + done));
        done += more;
        if (status == Z_MEM_ERROR)
            return refuse_memory(form);
        if (form_cancelled(form))
            return false;
        if ((status != Z_OK && done < bytes) || (status != Z_OK && status != Z_STREAM_END))
            return refuse_member(form, name,
                                 status == Z_DATA_ERROR
                                     ? "its deflated data are no such data"
                                     : "its deflated data end before the size that it says");
    }
    return true;
}

/* All that was packed is used up, and nothing more comes out. */
static bool finish_unpacking(struct form *form, const char *name, struct npz_member *member) {
    unsigned char more[1];
    int status;
    do {
        status = inflate_step(member, more, sizeof more);
        if (form_cancelled(form))
            return false;
    } while (status == Z_OK && member->stream.avail_out == sizeof more);
    if (status == Z_STREAM_END && member->stream.avail_out == sizeof more &&
        member->stream.next_in == member->packed + member->packed_bytes)
        return true;
    return refuse_member(form, name, "its deflated data do not end with the size that it says");
}

static bool begin_unpacking(struct form *form, struct npz_member *member) {
    member->stream = (z_stream){
        .zalloc = zlib_alloc, .zfree = zlib_free, .opaque = form->arena, .next_in = member->packed};
    return inflateInit2(&member->stream, -MAX_WBITS) == Z_OK || refuse_memory(form);
}

/* Of a deflated member, only the npy header is unpacked for now. */
static bool open_deflated(struct form *form, struct stored_tensor *tensor) {
    struct npz_member *member = tensor->member;
    uint64_t bytes = member->unpacked_bytes;
    size_t lead = bytes < NPY_LEAD_BYTES ? (size_t)bytes : NPY_LEAD_BYTES, header_bytes = 0;
    unsigned char *header = form_alloc(form, NPY_LEAD_BYTES + NPY_MAX_HEADER_BYTES, tensor->name);
    if (header == NULL || !begin_unpacking(form, member) ||
        !unpack(form, tensor->name, member, header, lead) ||
        !npy_header_bytes(form, tensor->name, header, bytes, &header_bytes) ||
        !unpack(form, tensor->name, member, header + lead, header_bytes - lead))
        return false;
    member->header_bytes = header_bytes;
    member->header_crc = crc32_add(0, header, header_bytes);
    return npy_read_header(form, header, bytes, tensor, &header_bytes);
}

static bool open_stored(struct form *form, struct stored_tensor *tensor) {
    const struct npz_member *member = tensor->member;
    size_t data_at = 0;
    if (!npy_read_header(form, member->packed, member->unpacked_bytes, tensor, &data_at))
        return false;
    tensor->data = member->packed + data_at;
    return true;
}

static bool open_member(struct archive *archive, const struct entry *entry, struct stored_tensor *tensor) {
    struct form *form = archive->form;
    struct entry local = {.name = NULL};
    struct npz_member *member = form_alloc(form, sizeof *member, tensor->name);
    if (member == NULL)
        return false;
    *member = (struct npz_member){.packed_bytes = entry->packed_bytes,
                                  .unpacked_bytes = entry->unpacked_bytes,
                                  .crc = entry->crc,
                                  .deflated = entry->method == METHOD_DEFLATED};
    if (!check_method(archive, tensor->name, entry) ||
        !read_local(archive, tensor->name, entry, &local, member) ||
        !read_descriptor(archive, tensor->name, entry, local.zip64, member) ||
        !check_overlap(archive, tensor->name, member) || !charge(archive, tensor->name, entry))
        return false;
    archive->covered_bytes += member->end_at - member->local_at;
    tensor->member = member;
    return member->deflated ? open_deflated(form, tensor) : open_stored(form, tensor);
}

/* ---- the whole ---- */

/* A member's name is the tensor's with .npy behind it; it has no path in front, so that one is just unknown. */
static bool open_entry(struct archive *archive, const struct entry *entry) {
    static const char suffix[] = ".npy";
    size_t length = entry->name_bytes, tail = sizeof suffix - 1;
    bool is_npy = length > tail && memcmp(entry->name + length - tail, suffix, tail) == 0;
    struct stored_tensor *tensor;
    if (!form_add(archive->form, entry->name, is_npy ? length - tail : length, &tensor))
        return false;
    if (tensor != NULL && !is_npy)
        return form_refuse(archive->form, PROBLEM_UNSUPPORTED_TENSOR, tensor->name,
                           "the member '%s' is no array: the name of one ends with .npy", tensor->name);
    return tensor == NULL || open_member(archive, entry, tensor);
}

static bool begins_as_archive(const struct archive *archive) {
    return archive->entries == 0 ? archive->directory_at == 0
                                 : archive->bytes >= 4 && bytes_get32(archive->data) == LOCAL_SIGNATURE;
}

bool npz_open(struct form *form, const unsigned char *data, size_t bytes) {
    struct archive archive = {.form = form, .data = data, .bytes = bytes};
    struct entry entry = {.name = NULL};
    if (!read_end(&archive))
        return false;
    if (!begins_as_archive(&archive))
        return refuse_archive(&archive, "something stands in front of it");
    uint64_t at = archive.directory_at, end = at + archive.directory_bytes;
    for (uint64_t i = 0; i < archive.entries; i++) {
        if (!read_entry(&archive, &at, &entry) || !open_entry(&archive, &entry))
            return false;
    }
    if (at != end)
        return refuse_archive(&archive, "its directory is longer than its entries");
    /* Members do not overlap; what is unknown is refused by whoever asked, and where it lies was not read. */
    return form->unknown != NULL || archive.covered_bytes == archive.directory_at ||
           refuse_archive(&archive, "bytes in front of its directory belong to no member");
}

static bool check_crc(struct form *form, const char *name, const struct npz_member *member, uint32_t crc) {
    return crc == member->crc ||
           form_refuse(form, PROBLEM_MALFORMED_BODY, name,
                       "the member '%s.npy' has the CRC-32 %08" PRIx32 ", but the archive says %08" PRIx32,
                       name, crc, member->crc);
}

/* In pieces, so that the checksum finds them in the cache. */
static bool load_deflated(struct form *form, struct stored_tensor *tensor) {
    enum { PIECE_BYTES = 128 * 1024 };
    struct npz_member *member = tensor->member;
    uint64_t bytes = member->unpacked_bytes - member->header_bytes;
    uint32_t crc = member->header_crc;
    unsigned char *data = form_alloc(form, (size_t)bytes, tensor->name);
    if (data == NULL)
        return false;
    for (uint64_t at = 0; at < bytes; at += PIECE_BYTES) {
        uint64_t piece = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        if (!unpack(form, tensor->name, member, data + at, piece))
            return false;
        crc = crc32_add(crc, data + at, (size_t)piece);
    }
    tensor->data = data;
    return finish_unpacking(form, tensor->name, member) && check_crc(form, tensor->name, member, crc);
}

bool npz_load(struct form *form, struct stored_tensor *tensor) {
    struct npz_member *member = tensor->member;
    if (member == NULL || member->loaded)
        return true;
    member->loaded = true;
    if (member->deflated)
        return load_deflated(form, tensor);
    return check_crc(form, tensor->name, member, crc32_add(0, member->packed, (size_t)member->packed_bytes));
}

/*
 * The peers of bench_codec: ways from a JSON text to a buffer of floats, and back.
 *
 * What a peer needs to have beside the text (padding, an envelope) is prepared outside the timing; what it has
 * to do for every text (parse, build and free a tree, convert) is inside.
 */
#ifndef CONVD_BENCH_CODEC_PEERS_H
#define CONVD_BENCH_CODEC_PEERS_H

#ifdef __cplusplus
extern "C" {
#endif

#include "lib/base/tensor.h"

#include <stdint.h>

/* Zero bytes that may be read behind every text (simdjson::SIMDJSON_PADDING). */
enum { PEER_PADDING_BYTES = 64 };

struct reader {
    const char *name;
    /* What stands around the tensor's lists in the text that this peer gets. */
    const char *before, *after;
    /* How many units in the last place it may be off: 0 for readers that round once. */
    int64_t most_ulps;
    /* All numbers of `text`, in order, into `out`, which has room for `capacity` of them: floats, or doubles when
     * `dtype` says so. How many there were; -1 when the peer cannot read the text. */
    int64_t (*read)(const char *text, size_t bytes, enum dtype dtype, void *out, int64_t capacity);
};

struct writer {
    const char *name;
    /* The tensor as nested lists into `room`, with no text so long that `capacity` bytes do not hold it. The
     * length, without a NUL; 0 when it failed. */
    size_t (*write)(const struct tensor *tensor, char *room, size_t capacity);
};

/* What a request to convd goes through: the document's scan, jansson for what is no tensor, tensor_read; on the
 * way back tensor_write into a buffer of the bounded size. One thread. */
extern const struct reader convd_reader;
extern const struct writer convd_writer;

/* The same reading shared by as many threads as convd_init was told, if by more than one. */
extern const struct reader convd_threads_reader;

/* Picks the kernels, as the server does at its start, and starts `threads` threads when they are several; false,
 * after a line on standard error, when CONVD_CPU names no kernels or there are no threads to be had. */
bool convd_init(int threads);
void convd_end(void);
/* The shape of the tensor in a reader's text; false when convd refuses it. */
bool convd_shape(const char *text, size_t bytes, struct shape *shape);
/* What no text of the tensor, by any peer, is longer than; 0 when it does not fit into memory. */
size_t convd_text_bound(const struct tensor *tensor);

/* A tree of values, walked into the buffer; for writing the tree is built from the buffer, dumped and freed. */
extern const struct reader jansson_reader;
extern const struct writer jansson_writer;

/* simdjson's on-demand interface, without a tree. By way of double, so float32 is rounded twice. */
extern const struct reader simdjson_reader;

/* std::from_chars and std::to_chars of the standard C++ library, skipping and writing separators by hand. */
extern const struct reader charconv_reader;
extern const struct writer charconv_writer;

#ifdef __cplusplus
}
#endif

#endif

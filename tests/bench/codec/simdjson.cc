/* The parser outlives the texts, as simdjson's documentation advises, and no tree is built. */
#include "tests/bench/codec/peers.h"

#include <simdjson.h>

namespace {

namespace ondemand = simdjson::ondemand;

static_assert(PEER_PADDING_BYTES >= simdjson::SIMDJSON_PADDING, "texts have too little padding");

template <typename T> struct sink {
    T *at, *end;

    bool row(ondemand::array numbers) {
        for (auto item : numbers) {
            double value;
            if (at == end || item.get_double().get(value) != simdjson::SUCCESS)
                return false;
            *at++ = static_cast<T>(value);
        }
        return true;
    }

    /* Lists of a tensor are of one kind: asked once a list, not once a number. */
    bool list(ondemand::array items, int depth) {
        return depth == 1 ? row(items) : lists(items, depth);
    }

    bool lists(ondemand::array items, int depth) {
        for (auto item : items) {
            ondemand::array inner;
            if (item.get_array().get(inner) != simdjson::SUCCESS || !list(inner, depth - 1))
                return false;
        }
        return true;
    }
};

/* How many brackets open before the first number. */
int depth_of(const char *text, size_t bytes) {
    int depth = 0;
    for (size_t i = 0; i < bytes && (text[i] == '[' || text[i] == ' ' || text[i] == '\n'); i++)
        depth += text[i] == '[';
    return depth;
}

template <typename T> int64_t read_all(const char *text, size_t bytes, T *out, int64_t capacity) {
    static ondemand::parser parser;
    ondemand::document document;
    ondemand::array root;
    sink<T> numbers = {out, out + capacity};
    int depth = depth_of(text, bytes);
    if (depth == 0 ||
        parser.iterate(text, bytes, bytes + PEER_PADDING_BYTES).get(document) != simdjson::SUCCESS ||
        document.get_array().get(root) != simdjson::SUCCESS || !numbers.list(root, depth))
        return -1;
    return numbers.at - out;
}

int64_t simdjson_read(const char *text, size_t bytes, enum dtype dtype, void *out, int64_t capacity) {
    return dtype == DTYPE_FLOAT32 ? read_all(text, bytes, static_cast<float *>(out), capacity)
                                  : read_all(text, bytes, static_cast<double *>(out), capacity);
}

} // namespace

const struct reader simdjson_reader = {"simdjson", "", "", 1, simdjson_read};

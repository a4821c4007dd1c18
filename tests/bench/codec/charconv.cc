/* The standard library, with no more of JSON than the separators: what a hand-written loop would do. */
#include "tests/bench/codec/peers.h"

#include <charconv>
#include <cstring>
#include <system_error>

namespace {

bool separates(char c) {
    return c == ',' || c == ' ' || c == '[' || c == ']' || c == '\n' || c == '\r' || c == '\t';
}

template <typename T> int64_t read_all(const char *at, const char *end, T *out, int64_t capacity) {
    int64_t count = 0;
    for (;;) {
        while (at != end && separates(*at))
            at++;
        if (at == end)
            return count;
        if (count == capacity)
            return -1;
        auto result = std::from_chars(at, end, out[count]);
        if (result.ec != std::errc())
            return -1;
        at = result.ptr;
        count++;
    }
}

int64_t charconv_read(const char *text, size_t bytes, enum dtype dtype, void *out, int64_t capacity) {
    return dtype == DTYPE_FLOAT32 ? read_all(text, text + bytes, static_cast<float *>(out), capacity)
                                  : read_all(text, text + bytes, static_cast<double *>(out), capacity);
}

/* `end` keeps this much away from the room's real end, so that only numbers have to look. */
constexpr size_t MOST_PUNCTUATION = 2;

template <typename T> struct text {
    char *at, *end;
    const T *next;

    bool row(int64_t size) {
        for (int64_t i = 0; i < size; i++) {
            auto result = std::to_chars(at, end, *next++);
            if (result.ec != std::errc())
                return false;
            at = result.ptr;
            *at++ = ',';
        }
        return true;
    }

    bool list(const struct shape &shape, int axis) {
        if (at >= end)
            return false;
        *at++ = '[';
        if (axis + 1 == shape.rank) {
            if (!row(shape.dim[axis]))
                return false;
        } else {
            for (int64_t i = 0; i < shape.dim[axis]; i++) {
                if (!list(shape, axis + 1) || at >= end)
                    return false;
                *at++ = ',';
            }
        }
        at[-1] = ']'; /* over the last comma: no list of a bench is empty */
        return true;
    }
};

template <typename T> size_t write_all(const struct tensor *tensor, char *room, size_t capacity) {
    text<T> out = {room, room + capacity - MOST_PUNCTUATION, static_cast<const T *>(tensor->data)};
    return out.list(tensor->shape, 0) ? static_cast<size_t>(out.at - room) : 0;
}

size_t charconv_write(const struct tensor *tensor, char *room, size_t capacity) {
    return tensor->dtype == DTYPE_FLOAT32 ? write_all<float>(tensor, room, capacity)
                                          : write_all<double>(tensor, room, capacity);
}

} // namespace

const struct reader charconv_reader = {"from_chars", "", "", 0, charconv_read};
const struct writer charconv_writer = {"to_chars", charconv_write};

#include "server/digits.h"

#include <string.h>

size_t digits_padded(char *to, uint64_t value, int width) {
    char reversed[DIGITS_INT_BYTES];
    int count = 0;
    for (; value > 0 || count < width || count == 0; value /= 10)
        reversed[count++] = (char)('0' + value % 10);
    for (int i = 0; i < count; i++)
        to[i] = reversed[count - 1 - i];
    return (size_t)count;
}

size_t digits_int(char *to, int64_t value) {
    if (value >= 0)
        return digits_padded(to, (uint64_t)value, 1);
    to[0] = '-';
    return 1 + digits_padded(to + 1, 0 - (uint64_t)value, 1);
}

size_t digits_ms(char *to, double ms) {
    const double most_us = 0x1p53;
    double us = ms > 0 ? ms * 1e3 + 0.5 : 0;
    uint64_t whole_us = us < most_us ? (uint64_t)us : (uint64_t)most_us;
    size_t used = digits_padded(to, whole_us / 1000, 1);
    to[used++] = '.';
    return used + digits_padded(to + used, whole_us % 1000, 3);
}

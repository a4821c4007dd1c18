/*
 * array_plain_bytes of lib/numbers/array_text.h for one level. The including file defines text_plain(p): which of
 * the 64 bytes at p are ASCII without quotes, backslashes and controls.
 */
static size_t plain_bytes(const char *begin, const char *end) {
    const char *at = begin;
    for (; end - at >= 64; at += 64) {
        uint64_t other = ~text_plain(at);
        if (other != 0)
            return (size_t)(at - begin) + (size_t)__builtin_ctzll(other);
    }
    while (at < end && (signed char)*at >= ' ' && *at != '"' && *at != '\\')
        at++;
    return (size_t)(at - begin);
}

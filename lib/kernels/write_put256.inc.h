/*
 * One number's text by shuffles of 32 bytes, for the levels that have AVX2: the source lies in both halves.
 */

static inline void put_one_f32(char *text, const unsigned char digits[16], const char *masks) {
    __m256i from = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)digits));
    __m256i mask = _mm256_loadu_si256((const __m256i *)(const void *)masks);
    _mm256_storeu_si256((__m256i *)(void *)text, _mm256_shuffle_epi8(from, mask));
}

static inline void put_one_f64(char *text, const unsigned char digits[16], const unsigned char marks[8],
                               const char *masks) {
    int64_t eight;
    memcpy(&eight, marks, sizeof eight);
    __m256i from = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)digits));
    __m256i beside = _mm256_set1_epi64x(eight);
    __m256i mask = _mm256_loadu_si256((const __m256i *)(const void *)masks);
    __m256i mask_beside = _mm256_loadu_si256((const __m256i *)(const void *)(masks + 32));
    __m256i all = _mm256_shuffle_epi8(from, mask) | _mm256_shuffle_epi8(beside, mask_beside);
    _mm256_storeu_si256((__m256i *)(void *)text, all);
}

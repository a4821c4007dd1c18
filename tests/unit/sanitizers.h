/*
 * Under a sanitizer a test that asks for more memory than there is gets NULL, as without one; and what
 * replaces a function of the C library stands back (SANITIZED), for the sanitizer replaces it itself.
 */
#ifndef CONVD_TESTS_UNIT_SANITIZERS_H
#define CONVD_TESTS_UNIT_SANITIZERS_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED address
#elif __has_feature(thread_sanitizer)
#define SANITIZED thread
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED address
#elif defined(__SANITIZE_THREAD__)
#define SANITIZED thread
#endif

#if defined(SANITIZED)
const char *__asan_default_options(void);
const char *__tsan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void) {
    return "allocator_may_return_null=1";
}
#endif

#endif

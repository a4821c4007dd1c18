/*
 * For tests that ask for more memory than there is: under a sanitizer too, the allocator answers NULL.
 */
#ifndef CONVD_TESTS_UNIT_SANITIZERS_H
#define CONVD_TESTS_UNIT_SANITIZERS_H

#if defined(__SANITIZE_ADDRESS__)
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}
#elif defined(__SANITIZE_THREAD__)
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
    return "allocator_may_return_null=1";
}
#endif

#endif

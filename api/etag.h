/*
 * Entity tags: what an If-None-Match says (RFC 9110, section 13.1.2).
 */
#ifndef CONVD_API_ETAG_H
#define CONVD_API_ETAG_H

#include <stdbool.h>

/*
 * True when `if_none_match`, "*" or a list of tags, has `etag` (a strong one, with its quotes) among them, weak ones
 * counting as strong. NULL has none, and neither has what stands behind a fault in the list.
 */
bool etag_is_listed(const char *if_none_match, const char *etag);

#endif

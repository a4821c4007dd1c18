/*
 * Content codings: what an Accept-Encoding asks for (RFC 9110, section 12.5.3).
 */
#ifndef CONVD_API_CODING_H
#define CONVD_API_CODING_H

#include <stdbool.h>

/*
 * True when the answer should be sent in gzip where there is such a form: it is allowed, and not less welcome than the
 * plain one. NULL, from clients that know of no codings, is false, though the RFC would allow either.
 */
bool coding_wants_gzip(const char *accept_encoding);

#endif

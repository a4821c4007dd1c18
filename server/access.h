/*
 * One line of the log for each request.
 */
#ifndef CONVD_SERVER_ACCESS_H
#define CONVD_SERVER_ACCESS_H

#include "server/request.h"

/* It ended at `end_ns`; `ended` says how it went wrong ("client abort"), or is NULL. */
void access_log(const struct request *request, int64_t end_ns, const char *ended);

#endif

/*
 * One line of the log for each request.
 */
#ifndef CONVD_SERVER_ACCESS_H
#define CONVD_SERVER_ACCESS_H

#include "server/request.h"

/* `ended` says how the exchange went wrong ("client abort"), or is NULL. */
void access_log(const struct request *request, const char *ended);

#endif

/*
 * The files of server/web, which server/web/tools/embed.c puts into the binary.
 */
#ifndef CONVD_SERVER_SITE_H
#define CONVD_SERVER_SITE_H

#include "api/site.h"

extern const struct site server_site;

#endif

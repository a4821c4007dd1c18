/*
 * What JSON's \u and a URL's % share: hexadecimal digits.
 */
#ifndef CONVD_API_ESCAPES_H
#define CONVD_API_ESCAPES_H

#include <stdbool.h>

/* The value of a hexadecimal digit, or -1. */
int hex_digit(char c);

/* Decodes %XX in place. False when two digits do not follow a %, or for %00, which would end the text. */
bool percent_decode(char *text);

#endif

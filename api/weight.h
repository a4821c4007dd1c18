/*
 * The weights in lists of what a client would like (RFC 9110, section 12.4.2).
 */
#ifndef CONVD_API_WEIGHT_H
#define CONVD_API_WEIGHT_H

/*
 * The weight of one entry, of which `parameters` is what stands behind its name (";q=0.5, …"), up to the next comma:
 * 1, the most there is, unless q says otherwise. More than 1 is 1, and no number is 0.
 */
double weight_of(const char *parameters);

#endif

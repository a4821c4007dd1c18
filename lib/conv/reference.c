/*
 * REFERENCE: the definition, in loops and in double precision for both types, for clients that want to
 * compare. Sums are kept for each kernel row and each channel before they are added up, so that they stay
 * accurate in float64 too.
 */
#include "lib/conv/gather.h"
#include "lib/conv/plan.h"

#include <stddef.h>

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/conv/reference.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/conv/reference.inc.h"

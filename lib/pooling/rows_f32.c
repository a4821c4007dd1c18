/* No sum of floats overflows a double, so wide sums are added in lanes. */
#define ORDER_FREE  1
#define REAL        float
#define MASK        int32_t /* as wide as REAL */
#define REAL_SQRT   sqrtf
#define NAMED(name) name##_f32
#include "lib/pooling/rows_template.h"

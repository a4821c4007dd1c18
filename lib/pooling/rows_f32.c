#define REAL      float
#define MASK      int32_t /* as wide as REAL */
#define REAL_SQRT sqrtf
#define ORDER_FREE                                                                                           \
    1 /* a double holds every sum of floats without overflow: the order of addition shows nowhere */
#define NAMED(name) name##_f32
#include "lib/pooling/rows_template.h"

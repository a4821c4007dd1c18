#define REAL        double
#define MASK        int64_t /* as wide as REAL */
#define REAL_SQRT   sqrt
#define ORDER_FREE  0 /* PyTorch's order, so that a sum overflows where PyTorch's does */
#define NAMED(name) name##_f64
#include "lib/pooling/rows_template.h"

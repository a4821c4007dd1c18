/* Sums are added in PyTorch's order, so that they overflow where PyTorch's do. */
#define ORDER_FREE  0
#define REAL        double
#define MASK        int64_t /* as wide as REAL */
#define REAL_SQRT   sqrt
#define NAMED(name) name##_f64
#include "lib/pooling/rows_template.h"

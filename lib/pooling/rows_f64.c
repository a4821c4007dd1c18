/* Sums are added in PyTorch's order, so that they overflow where PyTorch's do: no SUM_RUNS. */
#define REAL        double
#define REAL_SQRT   sqrt
#define MAX_RUN     max_run_f64
#define NAMED(name) name##_f64
#include "lib/pooling/rows_template.h"

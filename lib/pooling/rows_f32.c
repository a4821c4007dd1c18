/* No sum of floats overflows a double, so wide sums are added in any order. */
#define REAL        float
#define REAL_SQRT   sqrtf
#define MAX_RUN     max_run_f32
#define SUM_RUNS    sum_runs_f32
#define NAMED(name) name##_f32
#include "lib/pooling/rows_template.h"

#!/usr/bin/env bash
# run-fuzzers.sh BUILD SECONDS TARGET…: runs each libFuzzer program BUILD/fuzzers/TARGET for so long. What is new goes to
# BUILD/collected/TARGET; an input that fails is left in BUILD and its program's output is shown. Exits 1 if one failed.
set -uo pipefail

build=$1 seconds=$2
shift 2

# The sanitizers of older compilers want addresses less random than newer kernels make them.
fixed=()
setarch "$(uname -m)" -R true 2>/dev/null && fixed=(setarch "$(uname -m)" -R)

failed=0
for target in "$@"; do
    corpus=("$build/collected/$target")
    mkdir -p "${corpus[0]}"
    for seeds in "tests/fuzz/corpus/$target" "$build/tests/fuzz/corpus/$target"; do
        [ -d "$seeds" ] && corpus+=("$seeds")
    done
    if "${fixed[@]}" "$build/fuzzers/$target" -max_total_time="$seconds" -max_len=8192 -timeout=20 -rss_limit_mb=2048 \
        -artifact_prefix="$build/$target-" -print_final_stats=1 "${corpus[@]}" >"$build/$target.log" 2>&1; then
        printf '%s: %s inputs, none failed\n' "$target" \
            "$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log")"
    else
        tail -n 60 "$build/$target.log"
        printf '%s: failed; the whole output is in %s\n' "$target" "$build/$target.log"
        failed=1
    fi
done
exit "$failed"

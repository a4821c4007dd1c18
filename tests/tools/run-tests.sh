#!/usr/bin/env bash
# run-tests.sh C-TEST-PROGRAM…: runs every test of the project and ends with `N passed, N failed, N skipped`.
# `make test` calls it after building. It exits 1 if anything failed.
#
# From the environment:
#   CONVD_BINARY        the server under test (build/convd)
#   SANITIZE            address, undefined or thread if everything was built so; its reports then fail the run
#   DIFFERENTIAL_CONV, DIFFERENTIAL_POOL, DIFFERENTIAL_SHAPE
#                       random cases compared with PyTorch (2000, 2000, 1000)
#   TEST_TIMEOUT        seconds after which one suite counts as hanging (1800)
set -uo pipefail

# The sanitizers of older compilers want addresses less random than newer kernels make them; children inherit this.
if [ -n "${SANITIZE:-}" ] && [ -z "${ADDRESSES_FIXED:-}" ] && setarch "$(uname -m)" -R true 2>/dev/null; then
    export ADDRESSES_FIXED=yes
    exec setarch "$(uname -m)" -R "$0" "$@"
fi

cd "$(dirname "$0")/../.." || exit
. tests/tools/tally.sh

binary=$(realpath "${CONVD_BINARY:-build/convd}")
readonly binary
readonly sanitize=${SANITIZE:-}
export CONVD_BINARY=$binary

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# A sanitizer's report must not depend on whether a test looks at the exit status of a server it started: every
# report goes to a file of its own, and each file is a failed case.
configure_sanitizer() {
    [ -n "$sanitize" ] || return 0
    local reports=log_path=$work/report:halt_on_error=1
    export ASAN_OPTIONS=$reports:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
    export UBSAN_OPTIONS=$reports:print_stacktrace=1
    export TSAN_OPTIONS=$reports:second_deadlock_stack=1
    export CONVD_TEST_SLOW=1
}

# Counts a cmocka program's cases from its TAP output. A case that was planned and never reported has crashed.
count_tap() {
    awk '
        /^[0-9]+\.\.[0-9]+$/     { split($0, ends, /\.\./); planned += ends[2] - ends[1] + 1 }
        /^(not )?ok [0-9]+.*# *SKIP/ { skipped++; next }
        /^ok [0-9]+/             { passed++ }
        /^not ok [0-9]+/         { failed++ }
        END {
            lost = planned - passed - failed - skipped
            if (lost > 0) failed += lost
            print passed + 0, failed + 0, skipped + 0
        }' "$1"
}

run_c_test() {
    local program=$1 name log status=0 passed failed skipped
    name=${program#*/tests/}
    log=$work/c-test.log
    CMOCKA_MESSAGE_OUTPUT=TAP with_timeout "$program" >"$log" 2>&1 || status=$?
    read -r passed failed skipped < <(count_tap "$log")
    if [ "$failed" -eq 0 ] && [ "$status" -ne 0 ]; then
        failed=1
    elif [ $((passed + failed + skipped)) -eq 0 ]; then
        echo "$name ran no test"
        failed=1
    fi
    if [ "$failed" -gt 0 ]; then
        cat "$log"
        echo "$name exited with $status"
    fi
    tally "$name" "$passed" "$failed" "$skipped"
}

run_differential() {
    local log=$work/differential.log status=0 line passed=0 failed=0
    with_timeout /usr/bin/python3 tests/differential/differential.py --binary "$binary" \
        --conv "${DIFFERENTIAL_CONV:-2000}" --pool "${DIFFERENTIAL_POOL:-2000}" \
        --shape "${DIFFERENTIAL_SHAPE:-1000}" 2>&1 | tee "$log" || status=$?
    line=$(grep -E '^differential: [0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]] && passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
    if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$passed" -eq 0 ]; }; then
        echo "differential.py exited with $status and $passed cases passed"
        failed=1
    fi
    tally differential "$passed" "$failed" 0
}

count_sanitizer_reports() {
    [ -n "$sanitize" ] || return 0
    local report reports=0
    for report in "$work"/report.*; do
        [ -e "$report" ] || continue
        # Tests ask for more memory than there is; that the sanitizer says so is no finding.
        grep -qv 'Sanitizer failed to allocate' "$report" || continue
        cat "$report"
        reports=$((reports + 1))
    done
    [ "$reports" -eq 0 ] || tally "sanitizer reports" 0 "$reports" 0
}

configure_sanitizer
for program in "$@"; do
    run_c_test "$program"
done
[ $# -gt 0 ] || { echo "no C test program was given"; tally "C tests" 0 1 0; }
run_pytest "API tests" tests/api
run_pytest "benches" tests/bench
# What the page computes by itself, how it looks and what it does with keys and failures does not depend on how the server was
# built; AddressSanitizer watches the server while the page is delivered, asks and runs its commands. For the other sanitizers
# the API tests ask for the same. (All of it takes 8 minutes, and 13 on two slow cores.)
case $sanitize in
    "") run_pytest "browser" tests/browser ;;
    address) run_pytest "browser" tests/browser/test_{delivery,snippets,values}.py ;;
esac
run_differential
# What compiles for another processor does not depend on a sanitizer.
[ -n "$sanitize" ] || check "compiles for arm64" env -u MAKEFLAGS -u MFLAGS make --silent -j"$(nproc)" CFLAGS=-Werror arm64
count_sanitizer_reports
print_total

# shellcheck shell=bash
# Sourced by run-tests.sh, docker/test-image.sh and .ci/run: sums up test cases over programs that count in different ways.
# Every suite's output is shown as it comes; a suite that ends badly without naming a failed case counts as one.

passed_total=0
failed_total=0
skipped_total=0

# tally NAME PASSED FAILED SKIPPED: adds one suite's cases.
tally() {
    passed_total=$((passed_total + $2))
    failed_total=$((failed_total + $3))
    skipped_total=$((skipped_total + $4))
    printf '%s: %s passed, %s failed, %s skipped\n' "$@"
}

# A suite that hangs is interrupted as from a keyboard, so that it takes its servers down, and then counts as failed.
with_timeout() {
    timeout --foreground --signal=INT --kill-after=30 "${TEST_TIMEOUT:-1800}" "$@"
}

# Adds one case by the exit status of a command, whose output is shown only if it fails.
# check WHAT COMMAND…
check() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        tally "$what" 1 0 0
    else
        printf '%s\n' "$output"
        tally "$what" 0 1 0
    fi
}

# run_pytest NAME PATH…: every test in these files or below these folders, counted from pytest's own report, which knows of errors outside of
# tests (a broken fixture, a file that does not import) as well.
run_pytest() {
    local name=$1 report counts status=0
    shift
    report=$(mktemp)
    with_timeout /usr/bin/python3 -m pytest "$@" -q -rfEs --tb=short -p no:cacheprovider \
        --junit-xml="$report" || status=$?
    counts=$(/usr/bin/python3 - "$report" <<'EOF'
import sys
import xml.etree.ElementTree as tree

totals = [0, 0, 0]
for suite in tree.parse(sys.argv[1]).iter("testsuite"):
    tests, failures, errors, skipped = (int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped"))
    totals = [old + new for old, new in
              zip(totals, (tests - failures - errors - skipped, failures + errors, skipped))]
print(*totals)
EOF
    ) || counts="0 0 0"
    rm -f "$report"
    local passed failed skipped
    read -r passed failed skipped <<<"$counts"
    if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$passed" -eq 0 ]; }; then
        echo "$name: pytest exited with $status and $passed tests passed"
        failed=1
    fi
    tally "$name" "$passed" "$failed" "$skipped"
}

# The last line of a run, in the one form that everything above reads; fails if any case did.
print_total() {
    printf '%s passed, %s failed, %s skipped\n' "$passed_total" "$failed_total" "$skipped_total"
    [ "$failed_total" -eq 0 ] && [ "$passed_total" -gt 0 ]
}

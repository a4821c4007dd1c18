#!/usr/bin/env bash
# install-packages.sh SET…: installs through apt what is missing from Debian 12 or 13 (or a relative of theirs).
#
#   build   what `make` needs                    test    what `make test` needs on top
#   lint    formatter and static analysis        image   what builds an image where no Docker daemon answers
#   bench   what `make bench` needs on top
#
# When everything is there it returns at once: one dpkg-query, no apt-get, no network. Otherwise it installs as
# root or through sudo, and where neither is possible it names the missing packages and exits 1.
# CC=clang (or clang-19, gcc-13 …) makes `build` that compiler's packages.
set -euo pipefail

readonly MAX_LIST_AGE_DAYS=1

say() { printf '%s\n' "$*" >&2; }

usage() {
    say "usage: install-packages.sh build|test|bench|lint|image …"
    exit 2
}

compiler_packages() {
    local cc=${CC:-cc}
    cc=${cc##*/}
    case $cc in
        # The sanitizers' runtime is only recommended by clang, so it has to be asked for.
        clang) echo clang libclang-rt-dev ;;
        clang-[0-9]*) echo "$cc" "libclang-rt-${cc#clang-}-dev" ;;
        gcc-[0-9]*) echo "$cc" ;;
        *) echo gcc ;;
    esac
}

# OpenBLAS by its flavour: libopenblas-dev alone may stand for the OpenMP one, which brings a second owner of
# threads, libgomp. The pthread flavour is thread-safe and runs single-threaded under openblas_set_num_threads(1).
build_packages() {
    echo "$(compiler_packages)" make libc6-dev libmicrohttpd-dev libjansson-dev libopenblas-pthread-dev zlib1g-dev \
         libpng-dev libjpeg-dev
}

# The peers of the benches. Small beside PyTorch, so the tests have them too and see that the benches run.
bench_packages() {
    build_packages
    echo g++ libsimdjson-dev libdnnl-dev wrk python3 python3-numpy python3-torch python3-fastapi uvicorn
}

# The cross compiler only recommends the headers of its C library, and the browser its fonts.
test_packages() {
    bench_packages
    echo libcmocka-dev python3-pytest python3-pil python3-requests python3-jsonschema curl gcc-aarch64-linux-gnu \
         libc6-dev-arm64-cross chromium chromium-driver python3-selenium fonts-dejavu-core nodejs
}

lint_packages() {
    build_packages
    echo libcmocka-dev clang clang-format clang-tidy cppcheck
}

image_packages() {
    docker info >/dev/null 2>&1 || echo buildah debootstrap
}

# Of the packages given, those that are not installed, each once.
missing_packages() {
    local installed=" " package
    if command -v dpkg-query >/dev/null; then
        installed=" $(dpkg-query -W -f '${Package} ${db:Status-Status} ' "$@" 2>/dev/null || true)"
    fi
    for package in "$@"; do
        [[ $installed == *" $package installed "* ]] && continue
        echo "$package"
        installed+="$package installed "
    done
}

# Told by the folders: the lists themselves carry the archive's dates.
lists_are_old() {
    [ -z "$(find /var/lib/apt/lists /var/lib/apt/lists/partial -maxdepth 0 -mtime "-$MAX_LIST_AGE_DAYS" 2>/dev/null)" ]
}

has_candidates() {
    local package
    for package in "$@"; do
        apt-cache policy "$package" 2>/dev/null | grep -q '^  Candidate: [^(]' || return 1
    done
}

# Sets `as_root`, the words to put before a command, or fails where there is no way to become root.
find_root() {
    as_root=()
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || return 1
    if [ -t 0 ]; then
        as_root=(sudo)
    else
        sudo -n true 2>/dev/null || return 1
        as_root=(sudo -n)
    fi
}

apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# Runs quietly: apt's own text is only of interest when it fails.
install_all() {
    local log
    log=$(mktemp)
    if has_candidates "$@" && ! lists_are_old; then
        apt_get install --yes --no-install-recommends "$@" >"$log" 2>&1 && { rm -f "$log"; return 0; }
    fi
    # A failed update (one unreachable source among several) need not keep the packages from being installed.
    apt_get update >>"$log" 2>&1 || true
    if apt_get install --yes --no-install-recommends "$@" >>"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    cat "$log" >&2
    rm -f "$log"
    return 1
}

main() {
    [ $# -gt 0 ] || usage
    local set names="" wanted missing advice
    for set in "$@"; do
        case $set in
            build|test|bench|lint|image) names+=" $("${set}_packages")" ;;
            *) usage ;;
        esac
    done
    read -r -d '' -a wanted <<<"$names" || true
    [ ${#wanted[@]} -gt 0 ] || return 0
    read -r -d '' -a missing <<<"$(missing_packages "${wanted[@]}")" || true
    [ ${#missing[@]} -gt 0 ] || return 0

    advice="missing packages: ${missing[*]}; install them with: apt-get install ${missing[*]}"
    if ! command -v apt-get >/dev/null; then
        say "missing packages (by their names in Debian): ${missing[*]}; there is no apt-get here to install them with"
        exit 1
    fi
    find_root || { say "$advice"; exit 1; }
    say "installing: ${missing[*]}"
    install_all "${missing[@]}" || { say "$advice"; exit 1; }
    read -r -d '' -a missing <<<"$(missing_packages "${missing[@]}")" || true
    [ ${#missing[@]} -eq 0 ] || { say "missing packages: ${missing[*]}; apt-get did not install them"; exit 1; }
}

main "$@"

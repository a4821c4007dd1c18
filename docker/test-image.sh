#!/usr/bin/env bash
# test-image.sh: builds the image, looks at what is in it, runs it as it is meant to be run (read-only, no capabilities,
# no way to new privileges), puts the API tests to it and stops it. Ends with `N passed, N failed, N skipped`.
#
# With Docker where its daemon answers. Else with buildah: there the server is started on the image's mounted root by
# unshare, chroot and setpriv, under the user, environment and entry point that the image names, on this machine's
# loopback.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/tools/tally.sh

readonly image=convd:under-test
readonly max_bytes=120000000
readonly start_seconds=30
# Longer than the default of --drain-timeout, so that a slow end is told from none.
readonly stop_seconds=45

engine=buildah
docker info >/dev/null 2>&1 && engine=docker
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs

container=
server_pid=
server_log=$(mktemp)
port=
stop_status=

clean_up() {
    trap - EXIT
    [ -z "$server_pid" ] || kill -KILL "$server_pid" 2>/dev/null
    case $engine in
        docker)
            [ -z "$container" ] || docker rm --force "$container" >/dev/null
            docker image rm --force "$image" >/dev/null 2>&1
            ;;
        buildah)
            [ -z "$container" ] || buildah rm "$container" >/dev/null
            buildah rmi "$image" >/dev/null 2>&1
            ;;
    esac
    rm -f "$server_log"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- what differs between the engines ----------------------------------------------------------------------------

docker_config() { docker image inspect --format '{{json .Config}}' "$image"; }
docker_run() { docker run --rm --entrypoint "$1" "$image" "${@:2}"; }
docker_exec() { docker exec "$container" "$@"; }
docker_files() { docker export "$container"; }
docker_process_status() { docker_exec cat /proc/1/status; }
docker_mounts() { docker_exec cat /proc/1/mountinfo; }
docker_check_health() { docker_exec convd --check-health; }
docker_log() { docker logs "$container"; }
docker_start() {
    container=$(docker run --detach --read-only --cap-drop ALL --security-opt no-new-privileges \
        --publish 127.0.0.1::8080 "$image") || return 1
    port=$(docker port "$container" 8080/tcp | sed -n '1s/.*://p')
}
docker_stop() {
    docker stop --time "$stop_seconds" "$container" >/dev/null
    stop_status=$(docker inspect --format '{{.State.ExitCode}}' "$container")
}

buildah_config() {
    buildah inspect --type image "$image" |
        /usr/bin/python3 -c 'import json, sys; json.dump(json.load(sys.stdin)["Docker"]["config"], sys.stdout)'
}
buildah_run() { buildah run "$container" -- "$@"; }
buildah_files() { tar --create --directory "$(buildah mount "$container")" .; }
buildah_process_status() { cat "/proc/$server_pid/status"; }
buildah_mounts() { cat "/proc/$server_pid/mountinfo"; }
buildah_check_health() { buildah_run convd --check-health --port "$port"; }
buildah_log() { cat "$server_log"; }
buildah_start() {
    local root user environment entrypoint
    root=$(buildah mount "$container")
    user=$(config_value User)
    mapfile -t environment < <(config_value Env)
    mapfile -t entrypoint < <(config_value Entrypoint)
    port=$(free_port)
    # Each program replaces the one before it, so that the server has the number of the first.
    unshare --mount --propagation private bash -c '
        root=$1 user=$2
        shift 2
        mount --bind "$root" "$root"
        mount --rbind /proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -o remount,bind,ro "$root"
        exec chroot "$root" setpriv --reuid="${user%:*}" --regid="${user#*:}" --clear-groups --no-new-privs \
            --inh-caps=-all --bounding-set=-all env -i "$@"' \
        start "$root" "$user" "${environment[@]}" "${entrypoint[@]}" --port "$port" >"$server_log" 2>&1 &
    server_pid=$!
}
buildah_stop() {
    local waited
    kill -TERM "$server_pid"
    for ((waited = 0; waited < stop_seconds * 10; waited++)); do
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$server_pid" 2>/dev/null
    stop_status=0
    wait "$server_pid" || stop_status=$?
    server_pid=
}

# ---- what does not -------------------------------------------------------------------------------------------------

free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# One value of the image's configuration, a list as one line an element.
config_value() {
    "${engine}_config" | /usr/bin/python3 -c '
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("/"):
    value = value.get(key) if isinstance(value, dict) else None
print("\n".join(map(str, value)) if isinstance(value, (list, dict)) else "" if value is None else value)' "$1"
}

# expect WANTED COMMAND…: the command prints exactly that.
expect() {
    local wanted=$1 got
    shift
    got=$("$@" 2>&1)
    [ "$got" = "$wanted" ] || { echo "expected '$wanted', got '$got'"; return 1; }
}

version() { sed -n 's/^#define CONVD_VERSION "\(.*\)"/\1/p' lib/version.h; }

exit_status_of() {
    local status=0
    "$@" >/dev/null 2>&1 || status=$?
    echo "$status"
}

runs_as_a_number_that_is_not_root() {
    local user
    user=$(config_value User)
    [[ $user =~ ^[1-9][0-9]*(:[1-9][0-9]*)?$ ]] || { echo "USER is '$user'"; return 1; }
    expect "${user%:*}" "${engine}_run" id -u
}

has_no_compiler() {
    expect "" "${engine}_run" sh -c 'for tool in gcc cc g++ c++ clang as ld make cpp gfortran; do command -v $tool; done; true'
}

has_no_development_files() {
    expect "" "${engine}_run" sh -c 'find / -xdev -name "*.[cha]" -o -name "Makefile" 2>/dev/null; true'
}

is_small() {
    [ "$image_bytes" -lt "$max_bytes" ] || { echo "$image_bytes bytes are not below $max_bytes"; return 1; }
}

has_no_licenses_label() {
    ! config_value Labels | grep -q 'licenses'
}

becomes_healthy() {
    local waited
    for ((waited = 0; waited < start_seconds * 10; waited++)); do
        curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz" && return 0
        sleep 0.1
    done
    echo "http://127.0.0.1:$port/readyz did not answer 200 within $start_seconds s"
    "${engine}_log"
    return 1
}

has_no_capabilities() {
    expect "0000000000000000" sed -n 's/^CapEff:\t//p' <("${engine}_process_status") &&
        expect "0000000000000000" sed -n 's/^CapBnd:\t//p' <("${engine}_process_status") &&
        expect 1 sed -n 's/^NoNewPrivs:\t//p' <("${engine}_process_status")
}

server_is_not_root() {
    local user
    user=$(config_value User)
    user=${user%:*}
    expect "$user $user $user $user" awk '$1 == "Uid:" { print $2, $3, $4, $5 }' <("${engine}_process_status")
}

root_is_read_only() {
    expect ro awk '$5 == "/" { split($6, options, ","); mode = options[1] } END { print mode }' <("${engine}_mounts")
}

build() {
    docker/build-image.sh "$image" || return 1
    # Docker looks at a container of its own for each question; buildah at this one.
    [ "$engine" = docker ] || container=$(buildah from --pull-never "localhost/$image")
}

look_inside() {
    check "user is a number and not root" runs_as_a_number_that_is_not_root
    check "no compiler in the image" has_no_compiler
    check "no development files in the image" has_no_development_files
    check "version label is that of lib/version.h" expect "$(version)" config_value Labels/org.opencontainers.image.version
    check "title label" expect convd config_value Labels/org.opencontainers.image.title
    check "no licenses label" has_no_licenses_label
    check "stops by SIGTERM" expect SIGTERM config_value StopSignal
    check "health is asked of convd" expect $'CMD\nconvd\n--check-health' config_value Healthcheck/Test
    check "exposes 8080" expect 8080/tcp config_value ExposedPorts
    check "entry point is convd" expect convd config_value Entrypoint
    check "no arguments by default" expect "" config_value Cmd
    check "health of a server that is not there is 1" expect 1 exit_status_of "${engine}_run" convd --check-health --port 9
    image_bytes=$("${engine}_files" | wc -c)
    echo "size: $image_bytes bytes, as one uncompressed tar archive of all files in the image"
    check "size is below $max_bytes bytes" is_small
}

run_it() {
    local healthy_before=$passed_total
    check "becomes healthy" becomes_healthy
    # The API tests would each wait in vain.
    [ "$passed_total" -gt "$healthy_before" ] || return
    check "--check-health of a healthy server is 0" expect 0 exit_status_of "${engine}_check_health"
    check "server is not root" server_is_not_root
    check "server has no capabilities" has_no_capabilities
    check "root file system is read-only" root_is_read_only
    CONVD_URL=http://127.0.0.1:$port run_pytest "API tests against the image" tests/api
    "${engine}_stop"
    check "exit status after SIGTERM is 0" expect 0 echo "$stop_status"
}

if ! build; then
    tally "building the image" 0 1 0
else
    tally "building the image" 1 0 0
    "${engine}_start" || echo "the container did not start"
    look_inside
    run_it
fi
print_total

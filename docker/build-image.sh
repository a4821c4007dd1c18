#!/usr/bin/env bash
# build-image.sh [TAG]: builds the image, convd:latest unless TAG says otherwise, with Docker where its daemon answers
# and else with buildah, whose base image is then made from Debian's archive.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly tag=${1:-convd:latest}

version=$(sed -n 's/^#define CONVD_VERSION "\(.*\)"/\1/p' lib/version.h)
[ -n "$version" ] || { echo "lib/version.h does not define CONVD_VERSION" >&2; exit 1; }
revision=$(git rev-parse --verify --quiet HEAD 2>/dev/null || echo unknown)
arguments=(--file docker/Dockerfile --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --tag "$tag")

if docker info >/dev/null 2>&1; then
    docker build "${arguments[@]}" .
    exit
fi

if [ "$(id -u)" -ne 0 ]; then
    echo "no Docker daemon answers, and without one building the image needs root (buildah, debootstrap)" >&2
    exit 1
fi
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
docker/make-base-image.sh trixie
# The OCI format has no place for HEALTHCHECK.
buildah bud --pull-never --format docker "${arguments[@]}" .

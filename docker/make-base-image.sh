#!/usr/bin/env bash
# make-base-image.sh SUITE: makes docker.io/library/debian:SUITE-slim in buildah's local store with debootstrap, for
# machines that reach a Debian mirror but no registry. Needs root. About a minute; at once when it is there already.
set -euo pipefail
suite=${1:?usage: make-base-image.sh SUITE (bookworm, trixie)}
readonly image=docker.io/library/debian:$suite-slim
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs

buildah inspect --type image "$image" >/dev/null 2>&1 && exit 0

work=$(mktemp -d)
container=
clean_up() {
    [ -z "$container" ] || buildah rm "$container" >/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

root=$work/root
mkdir "$root"
chmod 755 "$root"
echo "making $image with debootstrap" >&2
debootstrap --variant=minbase "$suite" "$root" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }

# What makes it slim: no documentation but the copyright notices and no translations, now and in later installations.
cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'EOF'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
EOF
find "$root/usr/share/doc" ! -type d ! -name copyright -delete
rm -rf "$root"/usr/share/{info,locale,man}/* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* \
       "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root"/var/log/* "$root"/var/cache/ldconfig/*

# Copied from the mirror's side of the machine by debootstrap; the engine mounts its own.
rm -f "$root/etc/resolv.conf" "$root/etc/hostname"

container=$(buildah from scratch)
buildah copy -q "$container" "$root" / >/dev/null
buildah config --cmd bash --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
buildah commit -q "$container" "$image" >/dev/null

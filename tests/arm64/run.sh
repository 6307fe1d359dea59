#!/usr/bin/env bash
# The rooms with vector code on 64-bit ARM: compiled in a Debian of its own (build-arm64, 2 GB), where
# arm64's libraries cannot disturb this one's, and run by qemu. As root; half an hour.
#   run.sh [ROOM …]   (image kernels train)
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
debian=$root/build-arm64/debian
rooms=("$@")
[ $# -gt 0 ] || rooms=(image kernels train)
fail() { printf 'arm64: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "makes a Debian in build-arm64: run it as root"
command -v debootstrap >/dev/null || fail "needs debootstrap: apt-get install debootstrap"

# The libraries that ./dev lists, for arm64; of some there are only headers.
eval "$(sed -n '/^build_packages=(/,/^)/p' "$root/dev")"
packages=(qemu-user-static g++-aarch64-linux-gnu libgtest-dev:arm64 libgmock-dev:arm64 python3)
for package in "${build_packages[@]}"; do
  case $package in
    g++ | git | ccache | ca-certificates) ;;
    libstb-dev | libboost-dev) packages+=("$package") ;;
    lib*-dev | zlib1g-dev) packages+=("$package:arm64") ;;
    *) packages+=("$package") ;;
  esac
done

if [ ! -e "$debian/made" ]; then
  mkdir -p "$debian"
  debootstrap --variant=minbase bookworm "$debian" >"$debian.log" 2>&1 ||
    fail "debootstrap failed: $debian.log says why"
  chroot "$debian" dpkg --add-architecture arm64
  chroot "$debian" apt-get -qq update
  DEBIAN_FRONTEND=noninteractive chroot "$debian" \
    apt-get -qq -y install --no-install-recommends "${packages[@]}" >>"$debian.log" 2>&1 ||
    fail "apt-get failed: $debian.log says why"
  mkdir -p "$debian/source" "$debian/build"
  touch "$debian/made"
fi

trap 'umount -l "$debian/source" "$debian/proc"' EXIT
mount --bind -o ro "$root" "$debian/source"
mount -t proc proc "$debian/proc"
within() { chroot "$debian" env -C /build "$@"; }
within cmake -G Ninja -S /source -B /build -DCMAKE_TOOLCHAIN_FILE=/source/tests/arm64/toolchain.cmake \
  -DCMAKE_UNITY_BUILD=ON -DGRAFT_BENCH=OFF -DCMAKE_CXX_FLAGS=-DGRAFT_CHECKS_FEWER_SHAPES -Wno-dev >"$debian.log" 2>&1 ||
  fail "cmake failed: $debian.log says why"
within ninja --quiet "${rooms[@]/%/_test}"
for room in "${rooms[@]}"; do
  within qemu-aarch64-static "src/$room/${room}_test" --gtest_brief=1
done

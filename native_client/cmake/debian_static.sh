#!/usr/bin/env bash
# Makes the position independent archives that the static variant needs and Debian 12 lacks: libprotobuf, libabsl_*
# and libre2 come there as code for programs only. The other archives (gRPC, TLS, c-ares, zlib) are used as they are.
#
#   cmake/debian_static.sh FOLDER        # FOLDER/pic holds the result; about five minutes on two cores
#
# DEBIAN_MIRROR   where sources come from (default: where apt's packages come from)
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
mkdir -p "$1" && cd "$1"
here=$PWD
say() { printf 'posewire: %s\n' "$*" >&2; }

. /etc/os-release
[ "${VERSION_CODENAME:-}" = bookworm ] || { say "expected Debian 12 (bookworm), found ${PRETTY_NAME:-another system}: use vcpkg there"; exit 1; }
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -1)}

flags="-ffunction-sections -fdata-sections -fvisibility=hidden -fvisibility-inlines-hidden"
build() { # SOURCE BUILD OPTIONS...
  local source=$1 folder=$2
  shift 2
  cmake -S "$source" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DBUILD_SHARED_LIBS=OFF -DCMAKE_INSTALL_PREFIX="$here/pic" -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_CXX_FLAGS="$flags" "$@" >"$folder.log"
}

if [ ! -d sources ]; then
  say "fetching the sources of abseil, protobuf and re2"
  mkdir -p lists/partial fetched
  printf 'Types: deb-src\nURIs: %s\nSuites: bookworm\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$mirror" >src.sources
  options=(-o "Dir::Etc::sourcelist=$here/src.sources" -o "Dir::Etc::sourceparts=$here/none" -o "Dir::State::lists=$here/lists")
  apt-get -qq "${options[@]}" update
  (cd fetched && apt-get -qq "${options[@]}" source abseil protobuf re2)
  mv fetched sources
fi

mkdir -p pic/lib
if [ ! -f pic/abseil ]; then
  say "building abseil"
  build sources/abseil-*/ abseil -DCMAKE_CXX_STANDARD=14 -DABSL_PROPAGATE_CXX_STD=ON
  ninja -C abseil install >>abseil.log
  touch pic/abseil
fi
if [ ! -f pic/protobuf ]; then
  say "building protobuf"
  build sources/protobuf-*/ protobuf -Dprotobuf_BUILD_TESTS=OFF -Dprotobuf_BUILD_PROTOC_BINARIES=OFF
  ninja -C protobuf libprotobuf-lite >>protobuf.log
  cp protobuf/*.a pic/lib/
  touch pic/protobuf
fi
if [ ! -f pic/re2 ]; then
  say "building re2"
  mkdir -p re2 && cd re2
  # The source package lacks three generated tables: they are data and can be taken from Debian's archive.
  ar x "$(find /usr/lib -name libre2.a | head -1)" perl_groups.o unicode_groups.o unicode_casefold.o
  root=$(echo "$here"/sources/re2-*/)
  for file in "$root"/re2/*.cc "$root"/util/{rune,strutil}.cc; do
    case $file in *fuzz* | *test*) continue ;; esac
    g++ -O2 -fPIC -std=c++14 -pthread $flags -I "$root" -c "$file"
  done
  ar rcs "$here/pic/lib/libre2.a" ./*.o
  cd "$here" && touch pic/re2
fi
say "the archives are in $here/pic"

#!/bin/sh
# Exactly the functions of posewire.h leave the library: header, exports.txt and the dynamic symbols agree.
#   check_exports.sh LIBRARY NATIVE_CLIENT_FOLDER
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm -D --defined-only "$1" | awk '{print $3}' | sort >"$work/library"
grep -oE 'PW_CALL pw_[a-z0-9_]+\(' "$2/include/posewire.h" | sed 's/PW_CALL //; s/(//' | sort >"$work/header"
sort "$2/exports.txt" >"$work/list"
diff "$work/header" "$work/list" || { echo "posewire.h and exports.txt name different functions"; exit 1; }
diff "$work/list" "$work/library" || { echo "the library exports other symbols than exports.txt names"; exit 1; }

# Sourced by the other scripts: makes sure that .venv holds what the caller needs, and shows progress while it doesn't.
#
#   . scripts/env.sh            # defines `need`
#   need cpu                    # the runtime with ONNX Runtime for CPU
#   need cpu,export,dev         # everything that the tests use
#
# PW_PYTHON       the interpreter to build .venv with (default: the first of python3.11 … python3.14, python3)
# PW_TORCH_INDEX  a package index that serves torch's CPU build; without it an installed or locally found
#                       CPU build is used, and only then the default index's (several GB larger) build

venv=.venv
python=$venv/bin/python
torch_version=2.13.0

say() { printf 'posewire: %s\n' "$*" >&2; }

find_python() {
  local candidate
  for candidate in ${PW_PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  say "expected Python 3.11 or newer with the venv module, found none: install it, or set PW_PYTHON"
  return 1
}

install_torch() {
  "$python" -c 'import torch' 2>/dev/null && return
  say "installing torch $torch_version (CPU build)"
  if [ -n "${PW_TORCH_INDEX:-}" ]; then
    "$python" -m pip install --progress-bar on --index-url "$PW_TORCH_INDEX" "torch==$torch_version"
  elif ! "$python" -m pip install -q "torch==$torch_version+cpu" 2>/dev/null; then
    say "no CPU build found; taking the default build (large). PW_TORCH_INDEX can name a smaller one"
    "$python" -m pip install --progress-bar on "torch==$torch_version"
  fi
}

# Whether every extra of this list was installed for this version of pyproject.toml.
installed() {
  local extra
  for extra in ${1//,/ }; do
    [ "$(cat "$venv/.posewire-$extra" 2>/dev/null)" = "$2" ] || return 1
  done
}

# Installs the extras named, once for each version of pyproject.toml.
need() {
  local extras=$1 interpreter version extra
  if [ ! -x "$python" ]; then
    interpreter=$(find_python) || return 1
    say "making $venv with $("$interpreter" --version)"
    "$interpreter" -m venv "$venv"
  fi
  version=$(cat pyproject.toml - <<<"$PWD" | cksum | tr -d ' ')
  installed "$extras" "$version" && return
  say "installing the parts: $extras (the first time takes a minute or more)"
  "$python" -m pip install -q --disable-pip-version-check --upgrade 'pip>=25' 2>&1 | grep -v '^WARNING' >&2 || true
  case ",$extras," in *,export,*) install_torch ;; esac
  "$python" -m pip install --disable-pip-version-check -e ".[$extras]" 2>&1 |
    grep --line-buffered -E '^(Collecting|Installing coll|Successfully installed|ERROR|error)|No matching' | cut -c1-100 >&2
  [ "${PIPESTATUS[0]}" = 0 ] || { say "the installation failed; run it by hand: $python -m pip install -e '.[$extras]'"; return 1; }
  for extra in ${extras//,/ }; do printf '%s' "$version" >"$venv/.posewire-$extra"; done
}

# Sourced by scripts that look at pages, after env.sh: finds node and Chromium, and the viewer's npm packages.
#
#   need_browser                # sets `chromium` and exports E2E_CHROMIUM and E2E_PYTHON
#
# E2E_CHROMIUM    the browser (default: the first of chromium, chromium-browser, google-chrome; else Debian's, by apt)

need_browser() {
  local candidate sudo
  command -v npm >/dev/null || { say "expected node and npm, found none: install Node.js 20 or newer"; return 1; }
  for candidate in ${E2E_CHROMIUM:-} chromium chromium-browser google-chrome; do
    if command -v "$candidate" >/dev/null; then chromium=$(command -v "$candidate"); break; fi
  done
  if [ -z "${chromium:-}" ]; then
    say "installing Chromium"
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -q >&2 && $sudo apt-get install -qy --no-install-recommends chromium >&2
    chromium=$(command -v chromium)
  fi
  if [ ! -d viewer/node_modules/playwright-core ]; then
    say "installing the viewer's npm packages"
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --prefix viewer --no-audit --no-fund --loglevel=error >&2
  fi
  export E2E_CHROMIUM=$chromium E2E_PYTHON=$python
}

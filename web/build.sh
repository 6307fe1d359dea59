#!/usr/bin/env bash
# Builds the board's page into web/dist, when npm and its packages can be had; otherwise says in one
# line why not, in seconds. The program builds without it. Exit status 0 either way; 1 when the page
# itself does not build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

without() {
  local what="the board has no page"
  [ ! -f dist/index.html ] || what="the board keeps an older page"
  printf 'web: %s: %s\n' "$what" "$*"
  exit 0
}

# What the page is made of: if nothing of it is newer than the page, there is nothing to do.
newest=$(find api app charts i18n pages runs build.mjs package-lock.json -type f -newer dist/index.html -print -quit 2>/dev/null || echo none)
[ ! -f dist/index.html ] || [ -n "$newest" ] || exit 0

command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 ||
  without "node or npm is missing: apt-get install nodejs npm"
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 18 ] || without "node $major is older than 18: install a newer one"

if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  # A registry that does not answer is given up at once: npm's own patience is minutes.
  if ! timeout 10 npm view preact version --fetch-retries=0 --fetch-timeout=6000 >/dev/null 2>&1; then
    without "npm's registry does not answer: connect, then ./dev build again"
  fi
  log=$(mktemp)
  if ! timeout 180 npm ci --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000 >"$log" 2>&1; then
    reason=$(grep -m1 -E 'npm (ERR!|error)' "$log" || tail -n 1 "$log")
    rm -f "$log"
    without "npm ci failed: ${reason}: try (cd web && npm ci)"
  fi
  rm -f "$log"
fi
node build.mjs

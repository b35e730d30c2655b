#!/usr/bin/env bash
# Holds the Python client against the golden vectors, then against a running hub.
#
# Needs python3 with venv; everything that it makes lies under target/ or a temporary folder. The
# hub runs on a free port of the loopback address and is stopped at the end, whatever happens.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
space=python/check

venv=$target/python
mkdir -p "$target"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import msgpack, websockets' 2>/dev/null ||
    "$venv/bin/pip" install --quiet --disable-pip-version-check 'msgpack>=1.1,<2' 'websockets>=15'
export PYTHONDONTWRITEBYTECODE=1

echo "== golden vectors"
"$venv/bin/python" "$here/vectors.py"

echo "== a running hub"
# PROGRAMS: a folder of cargo's where it is built already.
[ -n "${PROGRAMS:-}" ] || (cd "$root" && cargo build --quiet --package syncline)
syncline=${PROGRAMS:-$target/debug}/syncline
data=$(mktemp -d)
hub=
finish() {
    status=$?
    if [ -n "$hub" ]; then
        kill "$hub" 2>/dev/null || true
        wait "$hub" 2>/dev/null || true
    fi
    if [ "$status" -ne 0 ] && [ -f "$data/log" ]; then
        echo "== the hub's last words" >&2
        tail -n 40 "$data/log" >&2
    fi
    rm -rf "$data"
}
trap finish EXIT

port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$syncline" serve --data "$data/hub" --listen "127.0.0.1:$port" >"$data/log" 2>&1 &
hub=$!
"$venv/bin/python" "$here/await_hub.py" "http://127.0.0.1:$port/readyz" "$hub"

SYNCLINE_TOKEN=$(cat "$data/hub/admin-token")
SYNCLINE_URL=http://127.0.0.1:$port
export SYNCLINE_TOKEN SYNCLINE_URL
"$syncline" space create "$space"
"$venv/bin/python" -W error::DeprecationWarning "$here/syncline_client.py" check \
    "ws://127.0.0.1:$port/ws" "$SYNCLINE_TOKEN" "$space"

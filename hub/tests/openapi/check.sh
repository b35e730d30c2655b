#!/usr/bin/env bash
# Holds a running hub against the OpenAPI documents that it serves, its own and simple-sync's, and reads
# the AsyncAPI document.
#
# Needs python3 with venv; everything that it makes lies under target/ or a temporary folder. The
# hub runs on a free port of the loopback address and is stopped at the end, whatever happens.
# SYNCLINE_OPENAPI_EXAMPLES sets how many requests each operation gets beside the systematic ones,
# SYNCLINE_OPENAPI_SEED which.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
examples=${SYNCLINE_OPENAPI_EXAMPLES:-40}
seed=${SYNCLINE_OPENAPI_SEED:-1}
# The hub takes every variable of this beginning for a setting: it gets none of the surroundings'.
for name in ${!SYNCLINE_@}; do unset "$name"; done

venv=$target/openapi
mkdir -p "$target"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import schemathesis, yaml' 2>/dev/null ||
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
export PYTHONDONTWRITEBYTECODE=1

echo "== asyncapi.yaml"
"$venv/bin/python" "$here/asyncapi.py" "$root/protocol/asyncapi.yaml"

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

# A key of simple-sync's .root, of this run alone.
SYNCLINE_SIMPLE_SYNC_ROOT_KEY=sk_$("$venv/bin/python" -c \
    'import base64, os; print(base64.b64encode(os.urandom(32)).decode().rstrip("="))')
root_key=$SYNCLINE_SIMPLE_SYNC_ROOT_KEY
export SYNCLINE_SIMPLE_SYNC_ROOT_KEY
# Guessed credentials must not end in a wall of 429 that hides every other answer.
export SYNCLINE_LIMITS__FAILED_LOGINS_PER_MINUTE=1000000
"$syncline" serve --data "$data/hub" --listen 127.0.0.1:0 >"$data/greeting" 2>"$data/log" &
hub=$!
SYNCLINE_URL=$("$venv/bin/python" "$here/await_hub.py" "$data/greeting" "$hub")
SYNCLINE_TOKEN=$(cat "$data/hub/admin-token")
export SYNCLINE_TOKEN SYNCLINE_URL

"$syncline" user add alice 2>/dev/null
"$syncline" user add spare 2>/dev/null
"$syncline" space create notes/alice --owner alice
alice=$("$syncline" token create --user alice)
spare=$("$syncline" token create --user alice)
SPARE_TOKEN_ID=${spare:3:12}
export SPARE_TOKEN_ID
"$syncline" put notes/alice pages welcome title=Hello stars=3

echo "== simple-sync: alice, who may do all but what is .root's"
key=$("$venv/bin/python" "$here/simple_sync.py" "$SYNCLINE_URL" "$root_key" alice)
# A stream of events has no end to wait for.
(cd "$data" && "$venv/bin/schemathesis" --config-file "$here/simple-sync.toml" run \
    "$SYNCLINE_URL/api/v1/openapi.json" --header "X-API-Key: $key" \
    --exclude-operation-id followEvents --phases examples,coverage,fuzzing \
    --max-examples "$examples" --seed "$seed" \
    --continue-on-failure --request-timeout 20 --no-color \
    --suppress-health-check all --warnings off)
"$venv/bin/python" "$here/simple_sync.py" "$SYNCLINE_URL" "$root_key" bo >/dev/null

# check NAME TOKEN ARGUMENTS...: all requests of one caller, who must still be let in at the end.
check() {
    local name=$1 token=$2
    shift 2
    echo "== $name"
    (cd "$data" && "$venv/bin/schemathesis" --config-file "$here/schemathesis.toml" run \
        "$SYNCLINE_URL/hub/v1/openapi.json" --header "Authorization: Bearer $token" \
        --max-examples "$examples" --seed "$seed" \
        --continue-on-failure --request-timeout 20 --no-color \
        --suppress-health-check all --warnings off "$@")
    SYNCLINE_TOKEN=$token "$syncline" space list >/dev/null || {
        echo "the token of this run opens nothing any more: what was checked is worth nothing" >&2
        return 1
    }
}
# The user first: an admin's requests may well remove her and her space.
check "a user, in a space of her own" "$alice" --include-tag records --phases fuzzing,stateful
check "an admin, everywhere" "$SYNCLINE_TOKEN" --phases examples,coverage,fuzzing

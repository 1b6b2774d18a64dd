#!/bin/sh
# Install what dev.txt (or the file that LOCK names) locks, by hash, into the environment of the given Python: with uv where it works, else with pip.
# uv does not read pip's settings, so the index that pip is configured with is passed on to it.
set -eu
python=$1
here=$(dirname "$0")
lock="$here/${LOCK:-dev.txt}"

said() { "$python" -m pip config get "$1" 2>/dev/null || true; }

with_uv() {
    pinned=$(mktemp)
    trap 'rm -f "$pinned"' EXIT
    # The lines of uv in the lock: its version and its hashes.
    awk '/^[^ ]/ { keep = /^uv==/ } keep' "$lock" > "$pinned"
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$pinned" || return 1
    index=${PIP_INDEX_URL:-$(said global.index-url)}
    more=${PIP_EXTRA_INDEX_URL:-$(said global.extra-index-url)}
    links=${PIP_FIND_LINKS:-$(said global.find-links)}
    [ -z "$index" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
    [ -z "$more" ] || export UV_INDEX="${UV_INDEX:-$(echo $more)}"
    [ -z "$links" ] || export UV_FIND_LINKS="${UV_FIND_LINKS:-$(echo $links)}"
    export UV_INDEX_STRATEGY="${UV_INDEX_STRATEGY:-unsafe-best-match}"  # every file is pinned by its hash
    "$python" -m uv pip sync --quiet --compile-bytecode --require-hashes --python "$python" "$lock"
}

if [ "${INSTALLER:-uv}" = uv ] && with_uv; then
    exit 0
fi
echo "Installing with pip." >&2
"$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"

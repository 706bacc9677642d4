#!/bin/sh
# Makes the package of the TypeScript client: sh scripts/typescript_client.sh [FOLDER]. Without a folder it is built in its
# place alone. Needs Node.js.
set -eu
folder=${1:+$(mkdir -p "$1" && cd "$1" && pwd)}
command -v npm >/dev/null || { printf '%s\n' "There is no npm here, so the TypeScript client is not made: it needs Node.js 20.11 or newer." >&2; exit 1; }
cd clients/typescript
lock=node_modules/.package-lock.json
if [ ! -f "$lock" ] || [ package-lock.json -nt "$lock" ]; then
    npm ci --no-audit --no-fund --loglevel=error
fi
rm -rf dist src/generated
npm run --silent build
[ -z "$folder" ] || { npm pack --silent --pack-destination "$folder" >/dev/null; ls "$folder"/scrip-client-*.tgz; }

# shellcheck shell=bash
# npm, as the scripts use it: sourced, not run.

# shellcheck disable=SC2034  # for whoever calls npm_ci
npm_unreachable=69

# npm_ci FOLDER: the modules of its package-lock.json, where they aren't there yet. Status npm_unreachable: there is no npm here, or its registry
# can't be reached (or only through somebody whose certificate isn't trusted here); 1: the lock file is wrong, or a module isn't what it says.
npm_ci() {
  local folder=$1 log status=0
  [ ! "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] || return 0
  command -v npm > /dev/null || return $npm_unreachable
  log=$(mktemp)
  npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --fetch-retries 2 2>&1 | tee "$log" || status=1
  if [ "$status" -ne 0 ] && grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|E50[0-9]|E407|SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF' "$log"; then
    status=$npm_unreachable
  fi
  rm -f -- "$log"
  return $status
}

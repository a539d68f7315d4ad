# shellcheck shell=bash
# Steps of a long script: sourced, not run. Each says what it does, how it goes and how long it took; its output goes to a
# log of its own, shown at the end if the step failed.
#
# Expects say.sh, and `logs` to be an existing folder. Call end_steps in the EXIT trap.

: "${logs:?}"

failed_names=()
failed_logs=()
watcher=

# One line on a terminal, rewritten each second; elsewhere (CI) a line a minute.
watch_log() {
  local log=$1 began=$SECONDS last
  while sleep 1; do
    last=$(tail -n 1 "$log" 2> /dev/null | tr -d '\000-\037' | cut -c -100)
    if [ -t 1 ]; then
      printf '\r\033[K   %d s  %s' $((SECONDS - began)) "$last"
    elif [ $(((SECONDS - began) % 60)) -eq 59 ]; then
      say "   still at it after $((SECONDS - began + 1)) s: $last"
    fi
  done
}

end_steps() {
  if [ -n "$watcher" ]; then
    kill "$watcher" 2> /dev/null || true
    wait "$watcher" 2> /dev/null || true
    watcher=
    [ ! -t 1 ] || printf '\r\033[K'
  fi
}

# What failed, in a few lines, where it is read first: compilations, programs of meson, cases of GoogleTest, fuzz targets
# and what broke them, smoke tests.
name_failures() {
  grep -aE '^FAILED: |^ *[0-9]+/[0-9]+ .* (FAIL|TIMEOUT|ERROR) |^\[  FAILED  \] .*\([0-9]+ ms\)$|^[a-z_]+ +FAILED |^  (wrong:|SUMMARY:)' "$1" |
    cut -c -200 | sort -u | head -n 20 | sed 's/^ */     /' || true
}

# step NAME COMMAND...: the command's status. Its standard input is empty, so that nothing waits for an answer.
step() {
  local name=$1 log began=$SECONDS status=0
  log=$logs/$(tr -cs 'a-zA-Z0-9\n' '-' <<< "$name").log
  shift
  say "== $name"
  : > "$log"
  watch_log "$log" &
  watcher=$!
  ("$@") > "$log" 2>&1 < /dev/null || status=$?
  end_steps
  if [ "$status" -eq 0 ]; then
    say "   ok, $((SECONDS - began)) s"
  else
    say "   FAILED with status $status, $((SECONDS - began)) s"
    name_failures "$log"
    failed_names+=("$name")
    failed_logs+=("$log")
  fi
  return "$status"
}

# not_run NAME WHY: only said; where that is a failure, the step that WHY names has been counted.
not_run() {
  say "== $1"
  say "   not run: $2"
}

# The end of each failed step's log; a build's from its first error.
show_failures() {
  local i first
  for i in "${!failed_logs[@]}"; do
    say
    say "---- ${failed_names[i]}: ${failed_logs[i]}"
    first=$(grep -n -m 1 '^FAILED: ' "${failed_logs[i]}" | cut -d : -f 1 || true)
    if [ -n "$first" ]; then
      tail -n "+$first" "${failed_logs[i]}" | head -n 150
    else
      tail -n 150 "${failed_logs[i]}"
    fi
  done
}

# shellcheck shell=bash
# What the scripts tell a person: sourced, not run. Plain lines, so that a log file reads like the screen.

say() {
  printf '%s\n' "$*"
}

# die WHAT NEXT...: what went wrong, then one line for each next step. Ends the script.
die() {
  printf '\n%s: %s\n' "$(basename "$0")" "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  next: %s\n' "$@" >&2
  exit 1
}

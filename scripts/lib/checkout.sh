# shellcheck shell=bash
# Things about this checkout that several scripts need: sourced, not run. Expects `root` to be the top folder.

: "${root:?}"

# Debian's meson, and sbin for bpftool: another meson or python3 may come first on PATH, and doesn't see Debian's modules.
export PATH="$PATH:/usr/sbin:/sbin"
meson=/usr/bin/meson
[ -x "$meson" ] || meson=meson

# tracked_files PATTERN...: the files of this checkout. Root may read a checkout that is somebody else's.
tracked_files() {
  if [ -e "$root/.git" ] && command -v git > /dev/null; then
    git -C "$root" -c safe.directory="$root" ls-files -- "$@"
  else
    local names=() pattern
    for pattern in "$@"; do
      names+=(-o -name "$pattern")
    done
    (cd "$root" && find . \( -path ./.git -o -path "./build*" \) -prune -o -type f \( "${names[@]:1}" \) -printf '%P\n')
  fi
}

# give_back FOLDER...: to whoever called sudo, so that the next build needs no root.
give_back() {
  local folder
  if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_UID:-}" ] && [ "$SUDO_UID" != 0 ]; then
    for folder in "$@"; do
      [ ! -e "$folder" ] || chown -R --no-dereference "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$folder"
    done
  fi
}

# Parallel jobs: one per CPU, and 1.5 GB of memory each (Beast with g++ needs that).
build_jobs() {
  local by_memory cpus
  by_memory=$(awk '/^MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo)
  cpus=$(nproc)
  [ "$by_memory" -ge 1 ] || by_memory=1
  echo $((by_memory < cpus ? by_memory : cpus))
}

# shellcheck shell=bash
# 2 MiB pages for the time a script runs: sourced, not run. Expects say.sh. Call release_hugepages in the EXIT trap.

hugepages=${hugepages:-/sys/kernel/mm/hugepages/hugepages-2048kB}
hugepages_before=

# reserve_hugepages COUNT: that many free ones, if there is memory for them; not more than half of it.
reserve_hugepages() {
  local wanted=$1 total free most
  if [ "$(id -u)" -ne 0 ] || [ ! -w "$hugepages/nr_hugepages" ]; then
    say "Not root: no 2 MiB pages are reserved, and large tables cost more."
    return 0
  fi
  most=$(awk '/^MemAvailable/ { print int($2 / 4096) }' /proc/meminfo)
  [ "$wanted" -le "$most" ] || wanted=$most
  total=$(cat "$hugepages/nr_hugepages")
  free=$(cat "$hugepages/free_hugepages")
  [ "$free" -lt "$wanted" ] || return 0
  hugepages_before=$total
  echo $((total + wanted - free)) > "$hugepages/nr_hugepages"
  free=$(cat "$hugepages/free_hugepages")
  [ "$free" -ge "$wanted" ] || say "Only $free of $wanted 2 MiB pages could be had: memory is in pieces."
}

# As it was before; once.
release_hugepages() {
  if [ -n "$hugepages_before" ]; then
    echo "$hugepages_before" > "$hugepages/nr_hugepages"
    hugepages_before=
  fi
}

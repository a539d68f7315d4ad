# shellcheck shell=bash
# 2 MiB pages for the time a script runs: sourced, not run. Expects say.sh. Call release_hugepages in the EXIT trap.

hugepages=${hugepages:-/sys/kernel/mm/hugepages/hugepages-2048kB}
hugepages_added=0

# reserve_hugepages COUNT: that many free ones, if there is memory for them; not more than half of it.
reserve_hugepages() {
  local wanted=$1 total free most
  if [ ! -w "$hugepages/nr_hugepages" ]; then
    say "Not root: no 2 MiB pages are reserved, and large tables cost more."
    return 0
  fi
  most=$(awk '/^MemAvailable/ { print int($2 / 4096) }' /proc/meminfo)
  [ "$wanted" -le "$most" ] || wanted=$most
  total=$(cat "$hugepages/nr_hugepages")
  free=$(cat "$hugepages/free_hugepages")
  [ "$free" -lt "$wanted" ] || return 0
  hugepages_added=$((wanted - free))
  echo $((total + hugepages_added)) > "$hugepages/nr_hugepages"
  hugepages_added=$(($(cat "$hugepages/nr_hugepages") - total))
  free=$(cat "$hugepages/free_hugepages")
  [ "$free" -ge "$wanted" ] || say "Only $free of $wanted 2 MiB pages could be had."
}

# Takes off what was added, once: somebody else may have reserved more meanwhile.
release_hugepages() {
  local total
  if [ "$hugepages_added" -gt 0 ]; then
    total=$(cat "$hugepages/nr_hugepages")
    echo $((total > hugepages_added ? total - hugepages_added : 0)) > "$hugepages/nr_hugepages"
    hugepages_added=0
  fi
}

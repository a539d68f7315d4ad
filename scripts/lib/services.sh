# shellcheck shell=bash
# Keeps services from starting, while packages are installed and afterwards: sourced, not run.
#
# Debian starts a daemon as soon as it is installed (nginx would take port 80), unless policy-rc.d says 101. The file may
# be the machine's own, so it is put aside and put back. A run that was killed is noticed by the next one: what was put
# aside is there, or the file carries our mark.

services_mark='# shunt: no service starts while packages are installed'

# hold_services FILE: puts ours in place of FILE (/usr/sbin/policy-rc.d).
hold_services() {
  release_services "$1"
  if [ -e "$1" ] || [ -L "$1" ]; then
    mv -T -- "$1" "$1.before-shunt"
  fi
  # Written beside and moved, so that a kill in between never leaves a file without the mark.
  printf '#!/bin/sh\n%s\nexit 101\n' "$services_mark" > "$1.new-shunt"
  chmod 755 "$1.new-shunt"
  mv -T -- "$1.new-shunt" "$1"
}

# release_services FILE: as it was before. Safe to call twice, and when nothing was held.
release_services() {
  rm -f -- "$1.new-shunt"
  if grep -qsF "$services_mark" "$1"; then
    rm -f -- "$1"
  fi
  if [ -e "$1.before-shunt" ] || [ -L "$1.before-shunt" ]; then
    # Somebody else's new file wins over the one put aside.
    if [ -e "$1" ] || [ -L "$1" ]; then
      rm -f -- "$1.before-shunt"
    else
      mv -T -- "$1.before-shunt" "$1"
    fi
  fi
}

# installed_packages: the names of all, sorted.
installed_packages() {
  dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p' | sort -u
}

# disable_services PACKAGE...: those packages' services don't start with the machine, and that is said. For packages that
# were installed for their programs: whoever wants the service enables it.
disable_services() {
  local units=() unit
  command -v systemctl > /dev/null || return 0
  while read -r unit; do
    unit=${unit##*/}
    if [[ $unit != *@* ]] && systemctl is-enabled --quiet "$unit" 2> /dev/null; then units+=("$unit"); fi
  done < <(dpkg-query -L "$@" 2> /dev/null | grep -E '^(/usr)?/lib/systemd/system/[^/]+\.(service|timer|socket)$' | sort -u)
  [ ${#units[@]} -gt 0 ] || return 0
  systemctl disable --quiet "${units[@]}" 2> /dev/null || true
  say "Not started with the machine (systemctl enable NAME if you want one): ${units[*]}"
}

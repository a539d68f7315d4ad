# shellcheck shell=bash
# shunt-insight's page: sourced, not run. Expects say.sh, npm.sh, and `root` to be the checkout.

: "${root:?}" "${npm_unreachable:?}"

page_is_fresh() {
  local stamp=$root/dashboard/dist/index.html
  [ -e "$stamp" ] && [ -z "$(find "$root/dashboard" -name node_modules -prune -o -name dist -prune -o -type f -newer "$stamp" -print -quit)" ]
}

# build_page: dashboard/dist of dashboard/. Where npm or its registry is missing that is said, and is no error: shunt-insight runs without it.
build_page() {
  local status=0
  ! page_is_fresh || return 0
  npm_ci "$root/dashboard" || status=$?
  if [ "$status" -eq "$npm_unreachable" ]; then
    say "The page of shunt-insight isn't built: npm or its registry is missing (its API works without)."
    return 0
  fi
  [ "$status" -eq 0 ] && npm run --silent --prefix "$root/dashboard" build && say "Built the page in dashboard/dist"
}

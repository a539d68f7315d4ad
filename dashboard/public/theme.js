// Before the first paint, so that a remembered theme doesn't flash: the only script that isn't a module.
try {
  const theme = localStorage.getItem("shunt.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; then the system's theme it is.
}

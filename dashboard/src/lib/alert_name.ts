// A rule's name as people say it: "ShuntBackendCpuHigh" is "Backend CPU high".
const UPPER = new Set(["cpu", "syn", "nic", "slo", "api", "bgp", "vip", "rx", "tx"]);

export function nameWords(name: string): string {
  const words = name
    .replace(/^Shunt(?=.)/, "")
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/_/g, " ")
    .toLowerCase()
    .split(" ")
    .map((word) => (UPPER.has(word) ? word.toUpperCase() : word))
    .join(" ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// The page's icons: 24-unit line drawings, one stroke, drawn in the text's colour. Decorative: the word stands beside them.
const PATHS = {
  overview: "M4 13a8 8 0 1 1 16 0M12 13l4-4M5 18h14",
  topology: "M6 6m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0M18 12m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0M6 18m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0M8.3 7.1l7 3.6M8.3 16.9l7-3.6",
  traffic: "M4 17V9M9 17V5M14 17v-6M19 17V8M3 20h18",
  backends: "M4 5h16v5H4zM4 14h16v5H4zM8 7.5h.01M8 16.5h.01",
  anomalies: "M3 13h4l2.5-7 4 13 2.5-8 1.5 2H21",
  retries: "M19 8a8 8 0 1 0 1 6M20 4v5h-5",
  alerts: "M6 16V11a6 6 0 1 1 12 0v5l1.5 2h-15zM10 21h4",
  system: "M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  sun: "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8M12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M5.6 18.4l1.1-1.1M17.3 6.7l1.1-1.1",
  moon: "M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5z",
  auto: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 1 1 0 16",
  table: "M4 5h16v14H4zM4 10h16M4 14.5h16M10 10v9",
  chart: "M4 4v16h16M8 15l3.5-4 3 2.5L19 8",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5 12.5l4.5 4.5L19 7.5",
  person: "M12 4.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7M5 20c.6-4 3.2-6 7-6s6.4 2 7 6",
  keyboard: "M3 7h18v10H3zM7 10.5h.01M11 10.5h.01M15 10.5h.01M8 14h8",
  search: "M11 5a6 6 0 1 0 0 12a6 6 0 1 0 0-12M15.5 15.5L20 20",
  download: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14",
  clock: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16M12 8v4.5l3 2",
  right: "M9 5l7 7-7 7",
  down: "M5 9l7 7 7-7",
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg viewBox="0 0 32 32" fill="none" stroke-width="3.5" stroke-linecap="round" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0e5c68" />
      <path d="M6 22h20" stroke="#fff" />
      <path d="M8 22c8 0 8-12 18-12" stroke="#7fe0d0" />
    </svg>
  );
}

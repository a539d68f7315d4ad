// Which pages there are: their place in the navigation, their key after `g`, and how they are loaded (each its own chunk).
import type { ComponentType } from "preact";
import type { IconName } from "../components/Icon";
import type { Match, PageName } from "../router";

type Load = () => Promise<{ default: ComponentType }>;

export const LOAD: Record<PageName, Load> = {
  overview: () => import("../pages/Overview"),
  topology: () => import("../pages/Topology"),
  traffic: () => import("../pages/Traffic"),
  backends: () => import("../pages/Backends"),
  backend: () => import("../pages/Backend"),
  anomalies: () => import("../pages/Anomalies"),
  incident: () => import("../pages/Incident"),
  retries: () => import("../pages/Retries"),
  alerts: () => import("../pages/Alerts"),
  system: () => import("../pages/System"),
  missing: () => import("../pages/Missing"),
};

export interface Entry {
  page: PageName;
  title: string;
  path: string;
  icon: IconName;
  key: string;
}

export const NAVIGATION: readonly Entry[] = [
  { page: "overview", title: "Overview", path: "/", icon: "overview", key: "o" },
  { page: "topology", title: "Topology", path: "/topology", icon: "topology", key: "t" },
  { page: "backends", title: "Backends", path: "/backends", icon: "backends", key: "b" },
  { page: "anomalies", title: "Anomalies", path: "/anomalies", icon: "anomalies", key: "a" },
  { page: "retries", title: "Retries", path: "/retries", icon: "retries", key: "r" },
  { page: "traffic", title: "Traffic", path: "/traffic", icon: "traffic", key: "f" },
  { page: "alerts", title: "Alerts", path: "/alerts", icon: "alerts", key: "l" },
  { page: "system", title: "System", path: "/system", icon: "system", key: "s" },
];

export function titleOf({ page, params }: Match): string {
  if (page === "backend") return params.backend;
  if (page === "incident") return `Incident #${params.id}`;
  return NAVIGATION.find((e) => e.page === page)?.title ?? "Not found";
}

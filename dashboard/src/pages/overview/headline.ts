// The state of everything in one sentence. Pure.
import type { BackendNow, Frame, ServiceNow } from "../../api";
import { count, listed, plural } from "../../format";
import { standOf, type Stand } from "../../lib/backend_rows";

const named = (list: readonly { name: string }[]): string => listed(list.map((x) => x.name));
// A backend of several services is named once.
const backendsNamed = (list: readonly BackendNow[]): string[] => [...new Set(list.map((b) => b.name))];
const are = (list: readonly unknown[]): string => (list.length === 1 ? "is" : "are");

function ofBackends(backends: readonly BackendNow[]): string {
  const parts: string[] = [];
  const say = (state: Stand, words: string): void => {
    const n = backends.filter((b) => standOf(b) === state).length;
    if (n > 0) parts.push(`${count(n)} ${words}`);
  };
  say("up", "up");
  say("down", "down");
  say("drain", "draining");
  say("weight0", "of weight 0");
  say("starting", "starting");
  say("disabled", "disabled");
  say("unknown", "not known");
  return `${plural(backends.length, "backend")}: ${parts.join(", ")}.`;
}

function worst(services: readonly ServiceNow[], backends: readonly BackendNow[]): string {
  const down = services.filter((s) => s.state === "down");
  if (down.length > 0) return `${named(down)} ${are(down)} down: no backend serves`;
  const degraded = services.filter((s) => s.state === "degraded");
  if (degraded.length > 0) {
    const out = backendsNamed(backends.filter((b) => b.state === "down" && degraded.some((s) => s.name === b.service)));
    return `${named(degraded)} ${are(degraded)} degraded${out.length > 0 ? `: ${listed(out)} ${are(out)} down` : ""}`;
  }
  const unknown = services.filter((s) => s.state === "unknown");
  if (unknown.length > 0) return `The state of ${named(unknown)} isn’t known: no node answers`;
  if (services.length === 1) return `${services[0].name} is up`;
  return services.length === 2 ? "Both services are up" : `All ${services.length} services are up`;
}

// `service` "": of all. head "": there is no such service.
export function headline(f: Frame, service: string): { head: string; more: string } {
  const services = f.services.filter((s) => service === "" || s.name === service);
  const backends = f.backends.filter((b) => service === "" || b.service === service);
  if (services.length === 0) {
    if (service !== "") return { head: `There is no service ${service}`, more: "It may have been taken out of the configuration; its history can still be looked at." };
    return { head: "No service yet", more: "No node has answered with a service so far." };
  }
  return { head: worst(services, backends), more: ofBackends(backends) };
}

// How the map's nodes are called and coloured.
import { country } from "../../format";
import type { Node } from "./graph";

export const LIMITS = { some: 0.01, many: 0.05 } as const;

export type Grade = "well" | "some" | "many";
export const grade = (ratio: number | null): Grade => (ratio === null || ratio < LIMITS.some ? "well" : ratio < LIMITS.many ? "some" : "many");

export const nameOf = (n: Node, short = false): string => (n.layer !== 0 ? n.name : short ? n.name : country(n.name));

// "backend web-1 in web-eu"
export function fullName(n: Node): string {
  if (n.layer === 0) return n.id === "country:other" ? `${n.members.length} other countries` : `clients in ${country(n.name)}`;
  if (n.layer === 1) return `service ${n.name}`;
  return n.members.length > 0 ? `${n.name} backends in ${n.group}` : `${n.name} in ${n.group}`;
}

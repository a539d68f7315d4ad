// Who is looking: the role that the API gave, signing in and out.
import { computed, signal } from "@preact/signals";
import { ApiError, get, send, whenUnauthorized, type Info, type Role } from "./api";
import { connect } from "./live";
import { everything } from "./query";

const RANK: Record<Role, number> = { reader: 0, operator: 1, admin: 2 };

export const info = signal<Info | null>(null);
// Open: the sign-in dialogue is shown. needed: nothing is answered without it.
export const signIn = signal<{ open: boolean; needed: boolean }>({ open: false, needed: false });

export const may = (role: Role): boolean => info.value !== null && RANK[info.value.role] >= RANK[role];
export const operator = computed(() => may("operator"));

export async function loadInfo(): Promise<void> {
  try {
    info.value = await get<Info>("info");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) info.value = null; // otherwise the banner says that nothing answers
  }
}

async function changed(): Promise<void> {
  await loadInfo();
  everything.value += 1;
  await connect();
}

// Throws ApiError where the token isn't taken.
export async function open(token: string): Promise<void> {
  await send("POST", "session", { token });
  signIn.value = { open: false, needed: false };
  await changed();
}

export async function close(): Promise<void> {
  await send("DELETE", "session");
  await changed();
}

export function startSession(): void {
  whenUnauthorized(() => {
    if (!signIn.value.open) signIn.value = { open: true, needed: true };
  });
  void loadInfo();
  setInterval(() => void loadInfo(), 30_000);
}

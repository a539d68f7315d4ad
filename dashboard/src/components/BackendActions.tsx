// BackendActions: drain, take back, weigh one backend. Asked once more in place; then what each node answered.
// Who may not sees why.
import { useState } from "preact/hooks";
import { send, type Acted, type ApiError, type BackendNow } from "../api";
import { count, number, plural } from "../format";
import { standOf } from "../lib/backend_rows";
import { nodeResults, weightOf, type NodeResult } from "../lib/acted_words";
import { operator, signIn } from "../session";
import "./BackendActions.css";
import { Icon } from "./Icon";
import { Failed } from "./Told";

type Wish = { kind: "drain" } | { kind: "undrain" } | { kind: "weight"; weight: number };
type Outcome = { results: NodeResult[] } | { error: ApiError };

function act(backend: BackendNow, wish: Wish): Promise<Acted> {
  const target = { pool: backend.pool, backend: backend.name };
  if (wish.kind === "weight") return send<Acted>("POST", "weights", { ...target, weight: wish.weight });
  return send<Acted>("POST", "drain", { ...target, drain: wish.kind === "drain" });
}

export function BackendActions({ backend }: { backend: BackendNow }) {
  const [wish, want] = useState<Wish | null>(null);
  const [typed, type] = useState(String(backend.weight));
  const [doing, setDoing] = useState(false);
  const [outcome, tell] = useState<Outcome | null>(null);
  if (!operator.value) return <NotAllowed />;

  const run = async (): Promise<void> => {
    if (!wish) return;
    setDoing(true);
    tell(null);
    try {
      tell({ results: nodeResults(await act(backend, wish)) });
    } catch (error) {
      tell({ error: error as ApiError });
    }
    setDoing(false);
    want(null);
  };
  const ask = (next: Wish | null): void => {
    tell(null);
    want(next);
  };
  const weight = weightOf(typed);
  const draining = backend.state === "drain";
  const weightless = standOf(backend) === "weight0";
  return (
    <div class="act">
      <div class="row">
        {!weightless && (
          <button
            type="button"
            class={draining ? "button primary" : "button danger"}
            disabled={doing}
            onClick={() => ask(draining ? { kind: "undrain" } : { kind: "drain" })}
          >
            {draining ? "Take back" : "Drain"}
          </button>
        )}
        <form
          class="row act-weight"
          onSubmit={(event) => {
            event.preventDefault();
            if (weight !== null) ask({ kind: "weight", weight });
          }}
        >
          <label>
            <span>Weight</span>
            <input
              type="text"
              inputMode="numeric"
              value={typed}
              size={6}
              aria-invalid={weight === null}
              onInput={(event) => type(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="button" disabled={doing || weight === null || weight === backend.weight}>
            Set
          </button>
          {weight === null && <span class="small c-fail">0 to 65535</span>}
        </form>
      </div>
      {weightless && <p class="small muted">It isn’t draining: with a weight of 0 it gets no new flows. Set one of 1 or more to give it some.</p>}
      {wish && <Confirm backend={backend} wish={wish} doing={doing} onYes={() => void run()} onNo={() => ask(null)} />}
      <div aria-live="polite">{outcome && <Told outcome={outcome} />}</div>
    </div>
  );
}

function Confirm({
  backend,
  wish,
  doing,
  onYes,
  onNo,
}: {
  backend: BackendNow;
  wish: Wish;
  doing: boolean;
  onYes: () => void;
  onNo: () => void;
}) {
  const yes = wish.kind === "weight" ? "Set the weight" : wish.kind === "drain" ? "Drain it" : "Take it back";
  return (
    <div class="note info act-confirm">
      <p class="grow">{consequences(backend, wish)} At every node that has it.</p>
      <span class="row">
        <button type="button" class="button primary" disabled={doing} ref={(element) => element?.focus()} onClick={onYes}>
          {doing ? "Asking the nodes …" : yes}
        </button>
        <button type="button" class="button quiet" disabled={doing} onClick={onNo}>
          Leave it
        </button>
      </span>
    </div>
  );
}

function consequences(backend: BackendNow, wish: Wish): string {
  const name = `${backend.name} of pool ${backend.pool}`;
  if (wish.kind === "drain") return `${name} gets no new flows; its ${plural(backend.active, "open flow")} go on until they end.`;
  if (wish.kind === "undrain")
    return backend.weight === 0
      ? `${name} doesn’t drain any more, but its weight is 0: it gets new flows only with another weight.`
      : `${name} gets new flows again, as its health allows.`;
  const from = `from ${number(backend.weight)} to ${count(wish.weight)}`;
  return wish.weight === 0 ? `The weight of ${name} goes ${from}: no new flows.` : `The weight of ${name} goes ${from}.`;
}

function Told({ outcome }: { outcome: Outcome }) {
  if ("error" in outcome) return <Failed error={outcome.error} />;
  if (outcome.results.length === 0) return <p class="note warn">No node has this backend.</p>;
  return (
    <ul class="act-results">
      {outcome.results.map((one) => (
        <li key={one.node} class={one.ok ? "c-ok" : "c-fail"}>
          <Icon name={one.ok ? "check" : "close"} /> <b>{one.node}</b> <span>{one.text}</span>
        </li>
      ))}
    </ul>
  );
}

function NotAllowed() {
  return (
    <p class="small muted row">
      To drain or weigh backends takes the role of an operator; you read only.
      <button type="button" class="button tiny" onClick={() => (signIn.value = { open: true, needed: false })}>
        Sign in
      </button>
    </p>
  );
}

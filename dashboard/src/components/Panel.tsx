// A titled box. `help`: the "?" beside the title; `actions`: controls at the right; `flush`: a table that reaches the edges.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Help } from "./Help";

interface Props {
  title: string;
  note?: ComponentChildren; // small words after the title
  help?: ComponentChildren;
  actions?: ComponentChildren;
  flush?: boolean;
  class?: string;
  children: ComponentChildren;
}

export function Panel({ title, note, help, actions, flush, class: extra, children }: Props) {
  const id = useId();
  return (
    <section class={`panel ${extra ?? ""}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {help && <Help about={title}>{help}</Help>}
        <span class="grow small muted">{note}</span>
        {actions}
      </header>
      <div class={flush ? "body flush" : "body"}>{children}</div>
    </section>
  );
}

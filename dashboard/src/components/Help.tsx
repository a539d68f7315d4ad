// The small "?" beside a figure: what it means, how it is measured. A native popover: Escape and a click elsewhere close it.
import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

const EDGE = 12;

export function Help({ about, children }: { about: string; children: ComponentChildren }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const bubble = useRef<HTMLDivElement>(null);
  // Beneath the button, or above where there is no room; never beyond the window's edge.
  const put = (event: ToggleEvent): void => {
    if (event.newState !== "open" || !button.current || !bubble.current) return;
    const at = button.current.getBoundingClientRect();
    const size = bubble.current.getBoundingClientRect();
    const left = Math.min(Math.max(EDGE, at.left + at.width / 2 - size.width / 2), innerWidth - size.width - EDGE);
    const below = at.bottom + 6 + size.height < innerHeight;
    bubble.current.style.left = `${left}px`;
    bubble.current.style.top = `${below ? at.bottom + 6 : Math.max(EDGE, at.top - 6 - size.height)}px`;
  };
  return (
    <>
      <button ref={button} type="button" class="help" popovertarget={id} aria-label={`What is ${about}?`}>
        <span aria-hidden="true">?</span>
      </button>
      <div ref={bubble} id={id} popover="auto" class="bubble" onToggle={put}>
        {children}
      </div>
    </>
  );
}

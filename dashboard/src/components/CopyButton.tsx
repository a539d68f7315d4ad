// Copies text (a table as tab-separated lines, for a spreadsheet) and says that it did.
import { useEffect, useState } from "preact/hooks";
import { Icon } from "./Icon";

// navigator.clipboard exists only over HTTPS and on localhost; elsewhere the older way.
async function put(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text).then(() => true, () => false);
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hidden-text";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

export function CopyButton({ text, label = "Copy" }: { text: () => string; label?: string }) {
  const [said, say] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => say(""), 2000);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <button type="button" class="button tiny quiet" onClick={() => void put(text()).then((ok) => say(ok ? "Copied" : "Not allowed"))}>
      <Icon name={said === "Copied" ? "check" : "copy"} />
      <span aria-live="polite">{said || label}</span>
    </button>
  );
}

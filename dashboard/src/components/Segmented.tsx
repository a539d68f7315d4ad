// A few choices side by side.
interface Props<K extends string> {
  label: string;
  options: readonly { key: K; label: string }[];
  value: K;
  onChoose: (key: K) => void;
  class?: string;
}

export function Segmented<K extends string>({ label, options, value, onChoose, class: extra }: Props<K>) {
  return (
    <div class={`segmented ${extra ?? ""}`} role="group" aria-label={label}>
      {options.map((o) => (
        <button key={o.key} type="button" aria-pressed={o.key === value} onClick={() => onChoose(o.key)}>
          {o.label}
        </button>
      ))}
    </div>
  );
}

// A share of a whole as a bar with its figure, for tables.
import { ratio } from "../format";

export function Share({ share, token = "--series-1" }: { share: number | null; token?: string }) {
  const part = Math.min(1, Math.max(0, share ?? 0));
  return (
    <span class="share">
      <span class="share-bar" aria-hidden="true">
        <span style={{ width: `${(part * 100).toFixed(1)}%`, background: `var(${token})` }} />
      </span>
      <span class="n">{ratio(share)}</span>
    </span>
  );
}

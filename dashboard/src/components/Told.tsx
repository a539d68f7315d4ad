// What a panel says when it has no figures: nothing there, not yet, or an error. Never a blank box.
import type { ComponentChildren } from "preact";
import type { ApiError } from "../api";
import { connection } from "../live";
import type { Answer } from "../query";
import { Icon, type IconName } from "./Icon";

export function Empty({ icon, children }: { icon?: IconName; children: ComponentChildren }) {
  return (
    <div class="empty">
      {icon && <Icon name={icon} />}
      <div>{children}</div>
    </div>
  );
}

// While shunt-insight doesn't answer, the banner says so once for all panels.
const bannerSaysIt = (error: ApiError): boolean => error.status === 0 && connection.value === "lost";

export function Failed({ error, retry }: { error: ApiError; retry?: () => void }) {
  if (bannerSaysIt(error)) return null;
  return (
    <div class="note fail" role="alert">
      <div class="grow">
        <b>{error.title}</b>
        {error.detail !== "" && error.detail !== error.title && <div class="small muted">{error.detail}</div>}
        {error.errors.map((one) => <div key={one} class="small">{one}</div>)}
      </div>
      {retry && (
        <button type="button" class="button tiny" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Skeleton({ height }: { height: number }) {
  return <div class="skeleton" style={{ height: `${height}px` }} role="status" aria-label="Loading" />;
}

interface Props<T> {
  answer: Answer<T>;
  height: number; // of what is to come, so that nothing jumps
  children: (data: T) => ComponentChildren;
}

// The three cases of an answer, in one place.
export function Answered<T>({ answer, height, children }: Props<T>) {
  if (answer.data === null) {
    return answer.error && !bannerSaysIt(answer.error) ? <Failed error={answer.error} retry={answer.reload} /> : <Skeleton height={height} />;
  }
  return (
    <>
      {answer.error && <Failed error={answer.error} retry={answer.reload} />}
      {children(answer.data)}
    </>
  );
}

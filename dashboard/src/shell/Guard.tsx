// A page that fails to draw says so, and leaves the rest of the window alone.
import type { ComponentChildren } from "preact";
import { useErrorBoundary } from "preact/hooks";
import { ApiError } from "../api";
import { Failed } from "../components/Told";

export function Guard({ children }: { children: ComponentChildren }) {
  const [error, reset] = useErrorBoundary((e) => console.error(e));
  if (!error) return <>{children}</>;
  const words = error instanceof Error ? error.message : String(error);
  return <Failed error={new ApiError(-1, "This page couldn’t be drawn", words)} retry={reset} />;
}

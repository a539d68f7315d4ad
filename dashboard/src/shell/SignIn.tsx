// The sign-in dialogue: a token, kept by the browser in a cookie that scripts can't read.
import { useRef, useState } from "preact/hooks";
import { Dialog } from "../components/Dialog";
import { open, signIn } from "../session";

export function SignIn() {
  const field = useRef<HTMLInputElement>(null);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  if (!signIn.value.open) return null;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      await open(field.current?.value ?? "");
    } catch (e) {
      setError(e instanceof Error ? e.message : String(e));
    }
    setBusy(false);
  };
  return (
    <Dialog title="Sign in" onClose={() => (signIn.value = { open: false, needed: signIn.value.needed })}>
      <form class="stack" onSubmit={(e) => void submit(e)}>
        <p class="muted">
          {signIn.value.needed ? "This page needs a token." : "Readers may look. Operators may also drain backends, set weights and accept anomalies."} Tokens are those of
          shunt-insight’s token file.
        </p>
        <label class="field">
          <span>Token</span>
          <input ref={field} type="password" name="token" autocomplete="current-password" required autofocus aria-describedby="sign-in-error" />
        </label>
        <div id="sign-in-error" class="c-fail" role="alert">
          {error}
        </div>
        <div class="buttons">
          <button type="button" class="button" onClick={() => (signIn.value = { open: false, needed: signIn.value.needed })}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={busy}>
            Sign in
          </button>
        </div>
      </form>
    </Dialog>
  );
}

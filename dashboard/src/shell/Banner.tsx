// Says when what is shown isn't true any more: the stream is lost, a node is silent, the warehouse doesn't write.
import { Icon } from "../components/Icon";
import { clock, count, listed } from "../format";
import { connect, connection, frame, frameAge, stale } from "../live";
import { info, signIn } from "../session";

export function Banner() {
  const f = frame.value;
  if (signIn.value.needed && !f) return null;
  // A stream that comes back within two seconds isn't worth a word.
  if (stale.value || (connection.value === "lost" && (!f || frameAge.value > 2))) {
    return (
      <div class="banner bad" role="alert">
        <Icon name="clock" />
        <span class="grow">
          <b>No connection to shunt-insight.</b>{" "}
          {f ? `Figures are those of ${clock(f.t)}; load balancing goes on without it. Trying again…` : "Trying again…"}
        </span>
        <button type="button" class="button tiny" onClick={() => void connect()}>
          Try now
        </button>
      </div>
    );
  }
  const silent = f?.nodes.filter((n) => n.state === "down") ?? [];
  if (silent.length > 0 && silent.length === f?.nodes.length) {
    return (
      <div class="banner bad" role="alert">
        <span>
          <b>{listed(silent.map((n) => n.name))} {silent.length === 1 ? "doesn’t" : "don’t"} answer.</b> {silent[0].error}
        </span>
      </div>
    );
  }
  const wh = info.value?.warehouse;
  if (wh && wh.error !== "") {
    return (
      <div class="banner" role="status">
        <span>
          <b>History isn’t being written.</b> {wh.error}{wh.rows_dropped > 0 ? ` (${count(wh.rows_dropped)} rows lost so far)` : ""}
        </span>
      </div>
    );
  }
  return null;
}

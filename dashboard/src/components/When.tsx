// A time as people say it ("4 min ago"); the exact one when it is pointed at or focused.
import { age, dateTime, duration } from "../format";
import { now } from "../live";
import "./When.css";

// `since`: how long something lasts ("4 min") instead of how long ago it was. `still`: not a stop of the Tab key, in dense
// tables, where the row tells the exact time.
export function When({ t, since, still }: { t: number; since?: boolean; still?: boolean }) {
  const exact = dateTime(t);
  const told = since ? duration(now.value - t) : age(t, now.value);
  return (
    <time class="when" dateTime={new Date(t * 1000).toISOString()} data-exact={exact} title={exact} tabIndex={still ? undefined : 0}>
      {told}
    </time>
  );
}

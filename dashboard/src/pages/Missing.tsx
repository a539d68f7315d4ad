// An address that names no page.
import { href, place } from "../router";

export default function Missing() {
  return (
    <>
      <h1>No such page</h1>
      <p>
        <code>{place.value.path}</code> isn’t one of this dashboard’s pages. <a href={href("/")}>Go to the overview</a>.
      </p>
    </>
  );
}

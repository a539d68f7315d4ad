// The frame around every page. A page is a chunk of its own; the one before stays until the next one is there.
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failed, Skeleton } from "../components/Told";
import { ApiError } from "../api";
import { stale } from "../live";
import { route, service, type PageName } from "../router";
import { Banner } from "./Banner";
import { Guard } from "./Guard";
import { Header } from "./Header";
import { KeysDialog, useKeys } from "./Keys";
import { Nav } from "./Nav";
import { LOAD, titleOf } from "./pages";
import { SignIn } from "./SignIn";

type Shown = { page: PageName; component: ComponentType } | null;

function Page() {
  const page = route.value.page;
  const [shown, show] = useState<Shown>(null);
  const [error, setError] = useState(false);
  const first = useRef(true);
  useEffect(() => {
    let wanted = true;
    setError(false);
    LOAD[page]().then(
      (m) => wanted && show({ page, component: m.default }),
      () => wanted && setError(true),
    );
    return () => {
      wanted = false;
    };
  }, [page]);
  // A reader of the screen is told of the new page; not on the first load.
  useEffect(() => {
    if (!shown) return;
    if (!first.current) document.getElementById("content")?.focus({ preventScroll: true });
    first.current = false;
  }, [shown?.page]);
  if (error) {
    return <Failed error={new ApiError(0, "This page couldn’t be loaded", "shunt-insight may have been updated: load the page again.")} retry={() => location.reload()} />;
  }
  if (!shown) return <Skeleton height={420} />;
  const Shown = shown.component;
  return (
    <Guard key={shown.page}>
      <Shown />
    </Guard>
  );
}

export function App() {
  const [keys, setKeys] = useState(false);
  useKeys(setKeys);
  const title = `${titleOf(route.value)}${service.value === "" ? "" : ` · ${service.value}`} · shunt`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <>
      <a class="skip" href="#content">
        Skip to the figures
      </a>
      <div class={stale.value ? "shell is-stale" : "shell"}>
        <Nav onKeys={() => setKeys(true)} />
        <div class="main">
          <Header />
          <Banner />
          <main id="content" class="content" tabIndex={-1}>
            <Page />
          </main>
        </div>
      </div>
      <SignIn />
      {keys && <KeysDialog onClose={() => setKeys(false)} />}
    </>
  );
}

// useScrollWindow: which rows of a long list are in sight, of a box that scrolls by itself or of the whole page.
import { useEffect, useLayoutEffect, useState, type MutableRef } from "preact/hooks";
import { rowWindow, type RowWindow } from "../../lib/row_window";

interface Sight {
  scrolled: number;
  height: number;
}

// `box` scrolls when `own` is set; else it lies in the page, which scrolls.
export function useScrollWindow(box: MutableRef<HTMLElement | null>, offsets: Float64Array, own: boolean): RowWindow {
  const [sight, see] = useState<Sight>({ scrolled: 0, height: 900 });
  const look = (): void => {
    const element = box.current;
    if (!element) return;
    const next = own
      ? { scrolled: element.scrollTop, height: element.clientHeight }
      : { scrolled: -element.getBoundingClientRect().top, height: window.innerHeight };
    // Rows around the window are drawn too: nothing changes before a quarter of them is scrolled by.
    see((old) => (Math.abs(old.scrolled - next.scrolled) < 60 && Math.abs(old.height - next.height) < 60 ? old : next));
  };
  useLayoutEffect(look, [offsets.length, own]);
  useEffect(() => {
    const scroller = own ? box.current : window;
    if (!scroller) return;
    scroller.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look);
    return () => {
      scroller.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
    };
  }, [own]);
  return rowWindow(offsets, sight.scrolled, sight.height);
}

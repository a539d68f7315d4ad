// How long a page takes to appear for somebody who was never here, and how many bytes that takes.
import { Viewer } from './viewer.mjs';

/** {path, lcp_ms, load_ms, bytes, requests}; bytes are those on the wire, headers included, up to the load event and `main` having its heading. */
export async function loadCold(browser, base, path) {
  const viewer = await Viewer.open(browser, base, { width: 1440, height: 900 });
  try {
    const session = await viewer.context.newCDPSession(viewer.page);
    await session.send('Network.enable');
    let bytes = 0;
    let requests = 0;
    const kinds = new Map();
    session.on('Network.responseReceived', ({ requestId, response }) => kinds.set(requestId, new URL(response.url).pathname));
    const own = { page: 0, answers: 0 };
    session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      bytes += encodedDataLength;
      requests += 1;
      own[(kinds.get(requestId) ?? '').startsWith('/api/') ? 'answers' : 'page'] += encodedDataLength;
    });
    await viewer.page.addInitScript(() => {
      window.largest = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.largest = entry.startTime;
      }).observe({ type: 'largest-contentful-paint', buffered: true });
    });
    await viewer.goto(path);
    const times = await viewer.page.evaluate(() => ({
      lcp_ms: window.largest, load_ms: performance.getEntriesByType('navigation')[0].loadEventEnd,
    }));
    return { path, ...times, bytes, page_bytes: own.page, answer_bytes: own.answers, requests };
  } finally {
    await viewer.close();
  }
}

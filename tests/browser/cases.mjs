// The cases, by name. Each gets {browser, base, windows, folder} and its arguments, and gives {findings, figures}.
import { mkdirSync } from 'node:fs';
import { accessibilityFindings } from './accessibility.mjs';
import { figureFindings } from './figure_cases.mjs';
import { helpFindings, keyboardFindings } from './keyboard.mjs';
import { deepLink } from './links.mjs';
import { loadCold } from './loading.mjs';
import * as operating from './operating.mjs';
import { allPages } from './pages.mjs';
import * as states from './states.mjs';
import { chartFindings } from './tables.mjs';
import { Viewer } from './viewer.mjs';

const TALLEST_PX = 12_000;
const SCREENS = [
  { width: 375, height: 812, phone: true, scheme: 'light' },
  { width: 375, height: 812, phone: true, scheme: 'dark' },
  { width: 1024, height: 768, scheme: 'light' },
  { width: 1440, height: 900, scheme: 'light' },
  { width: 1440, height: 900, scheme: 'dark' },
];

/** `look(viewer, page)` on every page in one window; its findings, and what went wrong in the window, with the page's name before them. */
async function onEachPage({ browser, base, only }, options, look) {
  const viewer = await Viewer.open(browser, base, options);
  const findings = [];
  try {
    for (const page of (await allPages(viewer)).filter(({ name }) => !only || name === only)) {
      await viewer.goto(page.path);
      const found = await look(viewer, page);
      findings.push(...[...found, ...viewer.takeFaults()].map((finding) => `${page.path}: ${finding}`));
    }
  } finally {
    await viewer.close();
  }
  return findings;
}

async function accessibility(given) {
  const findings = [];
  for (const scheme of ['light', 'dark']) {
    const found = await onEachPage(given, { scheme }, (viewer) => accessibilityFindings(viewer.page));
    findings.push(...found.map((finding) => `${scheme}: ${finding}`));
  }
  return { findings };
}

const keyboard = async (given) => ({
  findings: await onEachPage(given, {}, async ({ page }) => [...await keyboardFindings(page), ...await helpFindings(page)]),
});
const tables = async (given) => ({ findings: await onEachPage(given, {}, (viewer) => chartFindings(viewer.page)) });
const figures = async (given) => ({ findings: await onEachPage(given, { width: 1440, height: 900 }, figureFindings) });

/** Makes the window as high as the page, so that what is drawn only when it is in sight is drawn. */
async function wholePage(page, { width, height }) {
  await page.setViewportSize({ width, height });
  for (let before = 0, high = height; high > before && high < TALLEST_PX;) {
    before = high;
    high = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ width, height: Math.max(height, high) });
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  }
}

/** A picture of every page at three widths; nothing on a page is wider than the window. */
async function screenshots(given) {
  mkdirSync(given.folder, { recursive: true });
  const findings = [];
  for (const screen of SCREENS) {
    findings.push(...await onEachPage(given, screen, async (viewer, page) => {
      await wholePage(viewer.page, screen);
      await viewer.page.screenshot({ path: `${given.folder}/${page.name}-${screen.width}-${screen.scheme}.png` });
      const wide = await viewer.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      return wide > 0 ? [`${wide} px wider than a window of ${screen.width} px`] : [];
    }));
  }
  return { findings };
}

/** Printed, never judged. */
async function load({ browser, base }) {
  const viewer = await Viewer.open(browser, base);
  const pages = await allPages(viewer);
  await viewer.close();
  const lines = [];
  for (const { path } of pages) {
    const told = await loadCold(browser, base, path);
    lines.push(`${path}: largest paint after ${told.lcp_ms.toFixed(0)} ms, loaded after ${told.load_ms.toFixed(0)} ms; ${told.requests} requests, ` +
      `${(told.page_bytes / 1e3).toFixed(1)} kB of page and ${(told.answer_bytes / 1e3).toFixed(1)} kB of answers`);
  }
  return { figures: { lines } };
}

export const alone = ['figures', 'tables', 'deep_link', 'keyboard', 'accessibility', 'load'];
export const cases = { accessibility, deep_link: deepLink, figures, keyboard, load, screenshots, tables, ...states.cases, ...operating.cases };

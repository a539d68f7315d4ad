// Viewer: one browser window on one shunt-insight, and what went wrong in it. Chromium is Debian's, or $SHUNT_CHROMIUM.
//
// Faults are: a request to another host, what the content security policy refused, an error on the console, an exception, and
// an answer of the server's with a status from 400 on that the test didn't ask for.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const KEPT_FRAMES = 4;
const KEPT_ANSWERS = 100;
const PATIENCE_MS = 10_000;

export function chromiumPath() {
  return process.env.SHUNT_CHROMIUM ?? PLACES.find((path) => existsSync(path));
}

export async function startChromium() {
  const path = chromiumPath();
  if (!path) throw new Error(`no Chromium: none of ${PLACES.join(', ')} is there, and SHUNT_CHROMIUM isn't set`);
  // Root has no sandbox; /dev/shm is small in containers.
  return chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--no-proxy-server'] });
}

export class Viewer {
  /** options: scheme "light" or "dark", width, height (CSS pixels), phone: a touch screen. */
  static async open(browser, base, { scheme = 'light', width = 1280, height = 800, phone = false } = {}) {
    const context = await browser.newContext({
      baseURL: base, colorScheme: scheme, viewport: { width, height }, hasTouch: phone, isMobile: phone, reducedMotion: 'reduce', locale: 'en-GB',
    });
    context.setDefaultTimeout(PATIENCE_MS);
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`CSP refused ${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
      });
    });
    return new Viewer(context, await context.newPage(), base);
  }

  constructor(context, page, base) {
    this.context = context;
    this.page = page;
    this.base = base;
    this.faults = [];
    this.frames = []; // of the WebSocket, newest last: {at: ms, frame}
    this.answers = []; // of GETs of the API, newest last: {at: ms, path, query, body}
    this.allowed = new Set(); // statuses from 400 on that the test brings about
    const own = new URL(base).host;
    context.on('request', (request) => this.#check(request.url(), own));
    page.on('console', (message) => this.#said(message));
    page.on('pageerror', (error) => this.faults.push(`exception: ${error.message}`));
    page.on('response', (response) => this.#answered(response));
    page.on('requestfailed', (request) => this.#failed(request));
    page.on('websocket', (socket) => {
      this.#check(socket.url(), own);
      socket.on('framereceived', ({ payload }) => this.#frame(payload));
    });
  }

  /** Throws if anything went wrong since the last call. */
  takeFaults() {
    return this.faults.splice(0);
  }

  /** Goes to a page of the program and waits until it shows what it is about. */
  async goto(path) {
    const response = await this.page.goto(path, { waitUntil: 'load' });
    const policy = response.headers()['content-security-policy'] ?? '';
    if (!/default-src 'self'/.test(policy) || /unsafe/.test(policy)) this.faults.push(`${path}: its content security policy is "${policy}"`);
    await this.settled();
  }

  /** Waits for a frame and for every answer that is on its way. Nothing here is a wait for luck. */
  async settled() {
    await this.page.locator('main h1').first().waitFor();
    await this.page.waitForFunction(() => !document.querySelector('.skeleton'));
  }

  /** Bodies of the newest answers to GET /api/v1/PATH, newest first: the page shows the first of them, or the one before while it draws. */
  newest(path, fits = () => true) {
    return this.answers.filter((answer) => answer.path === path && fits(answer.query)).map((answer) => answer.body).reverse().slice(0, 2);
  }

  /** GET of the API with the window's cookies: {status, body}. */
  async ask(path) {
    const answer = await this.context.request.get(path);
    return { status: answer.status(), body: await answer.json() };
  }

  async close() {
    await this.context.close();
  }

  #check(url, own) {
    const { protocol, host } = new URL(url);
    if (!['data:', 'blob:'].includes(protocol) && host !== own) this.faults.push(`request to another host: ${url}`);
  }

  #said(message) {
    if (message.type() !== 'error') return;
    const status = /status of (\d+)/.exec(message.text());
    if (status && this.allowed.has(Number(status[1]))) return;
    this.faults.push(`console: ${message.text()} (${message.location().url})`);
  }

  #failed(request) {
    const why = request.failure()?.errorText ?? '';
    if (why !== 'net::ERR_ABORTED') this.faults.push(`${request.url()}: ${why}`);
  }

  async #answered(response) {
    const url = new URL(response.url());
    const status = response.status();
    if (status >= 400 && !this.allowed.has(status)) this.faults.push(`${response.request().method()} ${url.pathname}${url.search}: ${status}`);
    if (!url.pathname.startsWith('/api/') || response.request().method() !== 'GET') return;
    const body = await response.json().catch(() => null); // the page may have gone on meanwhile
    this.answers.push({ at: Date.now(), path: url.pathname.slice('/api/v1/'.length), query: Object.fromEntries(url.searchParams), body });
    if (this.answers.length > KEPT_ANSWERS) this.answers.shift();
  }

  #frame(payload) {
    const frame = JSON.parse(payload.toString());
    this.frames.push({ at: Date.now(), frame });
    if (this.frames.length > KEPT_FRAMES) this.frames.shift();
  }
}

// What a reader and an operator can do on the page: signing in and out, drain, weight. One window, kept from case to case.
import { Viewer } from './viewer.mjs';

const pathOf = ({ service, pool, backend }) => `/backends/${[service, pool, backend].map(encodeURIComponent).join('/')}`;

async function theWindow({ browser, base, windows }) {
  if (!windows.has('operating')) windows.set('operating', await Viewer.open(browser, base));
  return windows.get('operating');
}

/** Findings: what went wrong in the window, and those given. */
const told = (viewer, findings = []) => ({ findings: [...findings, ...viewer.takeFaults()] });

/** Without a token there is nothing but the sign-in, and a wrong token opens nothing. */
async function mustSignIn({ wrong, ...given }) {
  const viewer = await theWindow(given);
  viewer.allowed.add(401);
  await viewer.page.goto('/');
  const dialog = viewer.page.getByRole('dialog', { name: 'Sign in' });
  await dialog.getByLabel('Token').fill(wrong);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
  const findings = viewer.frames.length > 0 ? ['figures came without a token'] : [];
  return told(viewer, findings);
}

async function signIn({ token, role, ...given }) {
  const viewer = await theWindow(given);
  const { page } = viewer;
  if (!page.url().startsWith('http')) await viewer.goto('/');
  const dialog = page.getByRole('dialog', { name: 'Sign in' });
  if (!(await dialog.isVisible())) await page.getByRole('button', { name: /sign (in|out)/i }).first().click();
  await dialog.getByLabel('Token').fill(token);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: new RegExp(role) }).first().waitFor();
  viewer.allowed.delete(401);
  const cookies = await viewer.context.cookies();
  const open = cookies.filter((cookie) => !cookie.httpOnly || cookie.sameSite !== 'Strict').map((cookie) => `the cookie ${cookie.name} isn't HttpOnly and SameSite=Strict`);
  const seen = await page.evaluate((secret) => document.cookie.includes(secret) || JSON.stringify({ ...localStorage, ...sessionStorage }).includes(secret), token);
  return told(viewer, [...open, ...(seen ? ['scripts can read the token'] : []), ...(cookies.length === 0 ? ['no cookie'] : [])]);
}

async function signOut(given) {
  const viewer = await theWindow(given);
  viewer.allowed.add(401);
  await viewer.page.getByRole('button', { name: /sign out/i }).first().click();
  await viewer.page.getByRole('dialog', { name: 'Sign in' }).waitFor();
  const { status } = await viewer.ask('/api/v1/backends');
  return told(viewer, status === 401 ? [] : [`signed out, /api/v1/backends says ${status}`]);
}

/** No button on the page, and the API refuses too. */
async function readerChangesNothing(given) {
  const viewer = await theWindow(given);
  await viewer.goto(pathOf(given));
  await viewer.page.getByText(/operator/).first().waitFor();
  const findings = [];
  for (const name of ['Drain', 'Set']) {
    if ((await viewer.page.getByRole('button', { name, exact: true }).count()) > 0) findings.push(`a reader has a button "${name}"`);
  }
  for (const [path, body] of [['drain', { drain: true }], ['weights', { weight: 9 }]]) {
    const answer = await viewer.context.request.post(`/api/v1/${path}`, { data: { pool: given.pool, backend: given.backend, ...body } });
    if (answer.status() !== 403) findings.push(`a reader's POST ${path}: ${answer.status()} ${await answer.text()}`);
  }
  return told(viewer, findings);
}

/** Presses, confirms, waits until a node says that it did it and the page shows it. */
async function act(given, press, confirm, shown) {
  const viewer = await theWindow(given);
  const { page } = viewer;
  await viewer.goto(pathOf(given));
  await press(page);
  await page.getByRole('button', { name: confirm, exact: true }).click();
  await page.locator('.act-results .c-ok').first().waitFor();
  await shown(page);
  return told(viewer);
}

const stateIs = (word) => (page) => page.locator('.bd-who .state').filter({ hasText: new RegExp(`^${word}$`) }).waitFor();
const press = (name) => (page) => page.getByRole('button', { name, exact: true }).click();

const drain = (given) => act(given, press('Drain'), 'Drain it', stateIs('draining'));
const undrain = (given) => act(given, press('Take back'), 'Take it back', stateIs('up'));

const weigh = (given) => act(given, async (page) => {
  await page.getByRole('textbox', { name: 'Weight' }).fill(String(given.weight));
  await page.getByRole('button', { name: 'Set', exact: true }).click();
}, 'Set the weight', (page) => page.getByText(new RegExp(`^${given.weight}$`)).first().waitFor());

const EXPECTED = 'This is expected';
const goToAnomaly = async (viewer, anomaly) => {
  await viewer.goto(`/anomalies?anomaly=${anomaly}`);
  await viewer.page.locator('.an-chosen').waitFor();
};

/** Of an anomaly a reader is told who may, and the API refuses. */
async function readerAcceptsNothing({ anomaly, ...given }) {
  const viewer = await theWindow(given);
  await goToAnomaly(viewer, anomaly);
  await viewer.page.locator('.an-chosen').getByText(/operator/).waitFor();
  const buttons = await viewer.page.getByRole('button', { name: EXPECTED }).count();
  const answer = await viewer.context.request.post(`/api/v1/anomalies/${anomaly}/accept`);
  return told(viewer, [
    ...(buttons > 0 ? [`a reader has a button "${EXPECTED}"`] : []), ...(answer.status() === 403 ? [] : [`a reader's POST accept: ${answer.status()} ${await answer.text()}`])]);
}

/** Says that an anomaly is expected; the page says that it was noted, and then what the API says. */
async function accept({ anomaly, ...given }) {
  const viewer = await theWindow(given);
  await goToAnomaly(viewer, anomaly);
  await viewer.page.getByRole('button', { name: EXPECTED }).click();
  await viewer.page.locator('.an-chosen').getByRole('status').filter({ hasText: /^\s*Noted/ }).waitFor();
  await viewer.page.locator('.an-facts').getByText(/accepted as expected/).waitFor();
  return told(viewer);
}

export const cases = {
  must_sign_in: mustSignIn, sign_in: signIn, sign_out: signOut, reader_changes_nothing: readerChangesNothing, reader_accepts_nothing: readerAcceptsNothing,
  drain, undrain, weight: weigh, accept,
};

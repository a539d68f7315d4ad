// Runs cases in one Chromium against one shunt-insight.
//
//   node drive.mjs --url http://127.0.0.1:8081 [--screenshots FOLDER] [--page NAME] [CASE...]     no CASE: those that need nobody's help
//   node drive.mjs --url … --serve     a line {"case", "arguments"} in, a line {"case", "seconds", "findings", "figures"} out
//
// A finding is something wrong, in words. Status 1 when there was one. Nothing is left behind: Chromium's folder is a temporary one.
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { alone, cases } from './cases.mjs';
import { startChromium } from './viewer.mjs';

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { url: { type: 'string' }, screenshots: { type: 'string' }, page: { type: 'string' }, serve: { type: 'boolean', default: false } },
});
if (!options.url) throw new Error('--url is missing');
const unknown = wanted.filter((name) => !(name in cases));
if (unknown.length > 0) throw new Error(`no such case: ${unknown.join(', ')}; there are ${Object.keys(cases).join(', ')}`);

const browser = await startChromium();
const windows = new Map(); // kept between cases, by name

async function run(name, given) {
  const begin = performance.now();
  const told = { case: name, seconds: 0, findings: [], figures: {} };
  try {
    if (!(name in cases)) throw new Error(`no such case: ${name}`);
    const result = await cases[name]({ browser, base: options.url, windows, folder: options.screenshots, only: options.page, ...given });
    told.findings = result.findings ?? [];
    told.figures = result.figures ?? {};
  } catch (error) {
    told.findings = [error.stack];
  }
  told.seconds = (performance.now() - begin) / 1000;
  return told;
}

async function serve() {
  for await (const line of createInterface({ input: process.stdin })) {
    const { case: name, arguments: given } = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await run(name, given))}\n`);
  }
  return 0;
}

async function once() {
  let status = 0;
  for (const name of wanted.length > 0 ? wanted : alone) {
    const { seconds, findings, figures } = await run(name, {});
    console.log(`${findings.length > 0 ? 'not ok' : 'ok'} ${name} ${seconds.toFixed(1)}`);
    for (const finding of findings) console.log(`  ${finding}`);
    for (const line of figures.lines ?? []) console.log(`  ${line}`);
    if (findings.length > 0) status = 1;
  }
  return status;
}

let status = 1;
try {
  status = options.serve ? await serve() : await once();
} finally {
  await browser.close();
}
process.exit(status);

// What axe-core finds on the page as it stands: WCAG 2.2 A and AA and its own best practices.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A line for each finding of these impacts: rule, impact, help and the first elements. */
export async function accessibilityFindings(page, impacts = ['serious', 'critical']) {
  await page.evaluate(source);
  const violations = await page.evaluate(async () => {
    const found = await window.axe.run(document, { resultTypes: ['violations'] });
    return found.violations.map(({ id, impact, help, nodes }) => ({
      id, impact, help, count: nodes.length, nodes: nodes.slice(0, 3).map((node) => `${node.target.join(' ')}: ${node.any[0]?.message ?? node.failureSummary}`),
    }));
  });
  return violations
    .filter(({ impact }) => impacts.includes(impact))
    .map(({ id, impact, help, count, nodes }) => `${impact}: ${id} (${count}): ${help}\n      ${nodes.join('\n      ')}`);
}

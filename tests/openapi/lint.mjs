// Checks an OpenAPI document on standard input: the rules of Redocly's set `recommended-strict`, and that each operation says
// what it is for. Prints a line for each complaint; status 1 if there is one.
import { readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';

const config = await createConfig({
  extends: ['recommended-strict'],
  rules: {
    'info-license': 'off',
    'info-license-url': 'off',
    'no-server-example.com': 'off',
    'operation-4xx-response': 'error',
    'operation-description': 'off',
    'operation-operationId': 'error',
    'operation-operationId-unique': 'error',
    'operation-summary': 'error',
    'path-declaration-must-exist': 'error',
    'security-defined': 'error',
  },
});
const problems = await lintFromString({ source: readFileSync(0, 'utf8'), absoluteRef: 'openapi.json', config });
for (const problem of problems) {
  const where = problem.location[0]?.pointer ?? '#/';
  console.log(`${where}: ${problem.ruleId}: ${problem.message}`);
}
process.exit(problems.length > 0 ? 1 : 0);

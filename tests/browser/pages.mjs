// The pages of the program: a name for screenshots, and the address.

export const PAGES = [
  { name: 'overview', path: '/' },
  { name: 'topology', path: '/topology' },
  { name: 'traffic', path: '/traffic' },
  { name: 'backends', path: '/backends' },
  { name: 'backend', path: null }, // of one that has every kind of figure, else of the first
  { name: 'incident', path: null }, // the newest, where there is one
  { name: 'anomalies', path: '/anomalies' },
  { name: 'retries', path: '/retries' },
  { name: 'alerts', path: '/alerts' },
  { name: 'system', path: '/system' },
];

/** All pages; the incident is the newest. */
export async function allPages(viewer) {
  const { body: { backends } } = await viewer.ask('/api/v1/backends');
  const one = backends.find(({ host, connect_p95_us: us }) => host !== null && us !== null) ?? backends[0];
  const { body: { incidents: [incident] } } = await viewer.ask('/api/v1/incidents?limit=1');
  const paths = {
    backend: one && `/backends/${[one.service, one.pool, one.name].map(encodeURIComponent).join('/')}`,
    incident: incident && `/incidents/${incident.id}`,
  };
  return PAGES.map((page) => ({ ...page, path: page.path ?? paths[page.name] })).filter(({ path }) => path);
}

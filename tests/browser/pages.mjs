// The pages of the program: a name for screenshots, and the address.

export const PAGES = [
  { name: 'overview', path: '/' },
  { name: 'topology', path: '/topology' },
  { name: 'traffic', path: '/traffic' },
  { name: 'backends', path: '/backends' },
  { name: 'backend', path: null }, // of the first backend
  { name: 'incident', path: null }, // the newest, where there is one
  { name: 'anomalies', path: '/anomalies' },
  { name: 'retries', path: '/retries' },
  { name: 'alerts', path: '/alerts' },
  { name: 'system', path: '/system' },
];

/** All pages; those of one backend and of one incident are the first of the API's lists. */
export async function allPages(viewer) {
  const { body: { backends: [one] } } = await viewer.ask('/api/v1/backends');
  const { body: { incidents: [incident] } } = await viewer.ask('/api/v1/incidents?limit=1');
  const paths = {
    backend: one && `/backends/${[one.service, one.pool, one.name].map(encodeURIComponent).join('/')}`,
    incident: incident && `/incidents/${incident.id}`,
  };
  return PAGES.map((page) => ({ ...page, path: page.path ?? paths[page.name] })).filter(({ path }) => path);
}

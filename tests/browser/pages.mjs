// The pages of the program: a name for screenshots, the address, the words of its heading.

export const PAGES = [
  { name: 'overview', path: '/', heading: /overview/i },
  { name: 'topology', path: '/topology', heading: /topology/i },
  { name: 'traffic', path: '/traffic', heading: /traffic/i },
  { name: 'backends', path: '/backends', heading: /backends/i },
  { name: 'backend', path: null, heading: null }, // of the first backend: backendPage()
  { name: 'anomalies', path: '/anomalies', heading: /anomal/i },
  { name: 'retries', path: '/retries', heading: /retr/i },
  { name: 'alerts', path: '/alerts', heading: /alert/i },
  { name: 'system', path: '/system', heading: /system/i },
];

/** All pages; that of one backend is the first of the API's list. */
export async function allPages(viewer) {
  const { body } = await viewer.ask('/api/v1/backends');
  const one = body.backends[0];
  const path = one && `/backends/${[one.service, one.pool, one.name].map(encodeURIComponent).join('/')}`;
  return PAGES.map((page) => (page.path === null ? { ...page, path, heading: new RegExp(one.name) } : page));
}

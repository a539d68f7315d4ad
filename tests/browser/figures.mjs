// A figure as a person reads it on the page, and the range of values that may be written like this: "1.24 k/s" is 1,235 to 1,245.
//
// In the units of the API: microseconds for times, 0 to 1 for percentages, bytes for bits. The page writes three significant digits and leaves
// out trailing zeros, so "1.2 k" is 1,195 to 1,205 and "0" is less than 0.0001.

const PREFIXES = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };
const UNITS = { µs: 1, ms: 1e3, s: 1e6, '%': 0.01, 'bit/s': 1 / 8, 'B/s': 1, B: 1, '/s': 1, '×': 1, '': 1 };
const PATTERN = /^([<>]?)\s*(-?[\d,]*\.?\d+)\s*([kMGTP]?)\s*(µs|ms|s|%|bit\/s|B\/s|B|\/s|×|)$/;

/** How much a value may differ from its digits, either way. */
function halfDigit(plain, unit) {
  const size = Math.abs(Number(plain));
  if (size === 0) return 5e-5;
  if (unit === '%') return size >= 10 ? 0.05 : 0.005;
  const places = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : Math.min(4, 2 - Math.floor(Math.log10(size)));
  return 0.5 * 10 ** -places;
}

/** {low, high} of what a text can stand for; null: not known ("–"). Throws for what is no figure. whole: it was rounded to a whole number. */
export function readFigure(text, { whole = false } = {}) {
  const clean = text.replace(/\s+/g, ' ').trim().replaceAll('−', '-');
  if (clean === '–' || clean === '') return null;
  const match = PATTERN.exec(clean);
  if (!match) throw new Error(`"${clean}" is no figure`);
  const [, bound, digits, prefix, unit] = match;
  const scale = PREFIXES[prefix] * UNITS[unit];
  const plain = digits.replaceAll(',', '');
  const half = whole ? 0.5 : halfDigit(plain, unit);
  const value = Number(plain);
  if (bound === '<') return { low: 0, high: value * scale };
  if (bound === '>') return { low: value * scale, high: Infinity };
  return { low: (value - half) * scale, high: (value + half) * scale };
}

/** "" if the text can stand for the API's value, else what differs. */
export function misfit(text, value, options) {
  const range = readFigure(text, options);
  const known = value !== null && value !== undefined;
  if (range === null || !known) return range === null && !known ? '' : `"${text}" for ${value}`;
  const hair = 1e-6 * Math.max(Math.abs(range.low), Math.abs(range.high)); // halves that are rounded in binary
  return value >= range.low - hair && value <= range.high + hair ? '' : `"${text}" for ${value}`;
}

/** Availability is cut, not rounded: 99.987 % is at least that, and less than one more of its last digit. */
export function availabilityMisfit(text, value) {
  if (value === null || value === undefined || value >= 1) return misfit(text, value);
  const percent = Number(text.replace(/\s*%$/, ''));
  const step = percent < 99 ? 0.1 : percent < 99.9 ? 0.01 : percent < 99.99 ? 0.001 : 0.0001;
  return value * 100 >= percent - 1e-6 && value * 100 < percent + step + 1e-6 ? '' : `"${text}" for ${value}`;
}

/** A factor with as many places as it is written with: "× 1.02", "0.62×". */
export function factorMisfit(text, value) {
  const [, plain, places = ''] = /^(?:× )?(\d+(?:\.(\d+))?)×?$/.exec(text) ?? [];
  const differs = value === null || value === undefined ? text !== '–' : plain === undefined || Math.abs(Number(plain) - value) > 0.5 * 10 ** -places.length + 1e-9;
  return differs ? `"${text}" for ${value}` : '';
}

/** A count in full: "12,345". */
export const countMisfit = (text, value) => (text.replaceAll(',', '') === String(value) ? '' : `"${text}" for ${value}`);

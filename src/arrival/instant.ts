import type { Parameter, Query } from './query.ts'

const rfc3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/

/**
 * The first millisecond that is not before a time: entries are received at whole ones.
 *
 * @see RFC 3339 section 5.6
 */
const instant: Parameter<Date> = {
  read: (text) => {
    const [, date = '', time = '', fraction = '', zone = ''] = rfc3339.exec(text) ?? []
    const milliseconds = Date.parse(`${date}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}${zone.toUpperCase()}`)
    // Date.parse takes the 31st of February for a day in March
    if (Number.isNaN(milliseconds) || !isDay(date)) return undefined
    return new Date(milliseconds + (/[1-9]/.test(fraction.slice(3)) ? 1 : 0))
  },
  must: {
    en: 'a time like 2026-11-23T08:00:00Z or 2026-11-23T16:00:00%2B08:00 (a plus sign is %2B in an address)',
    zh: '形如 2026-11-23T08:00:00Z 或 2026-11-23T16:00:00%2B08:00 的时间（地址中加号写作 %2B）',
  },
}

/** From a time on and before another, either of them left open. */
export function readTimes(query: Query): { readonly from: Date | undefined; readonly to: Date | undefined } {
  const [from, to] = [query.read('from', instant), query.read('to', instant)]
  if (from !== undefined && to !== undefined && to < from)
    query.mustBe('to', { en: 'no earlier than from', zh: '不早于 from 的时间' })
  return { from, to }
}

function isDay(date: string): boolean {
  const midnight = new Date(`${date}T00:00:00Z`)
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(date)
}

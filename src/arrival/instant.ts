import { readInstant } from '../domain/instant.ts'
import type { Parameter, Query } from './query.ts'

const instant: Parameter<Date> = {
  read: readInstant,
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

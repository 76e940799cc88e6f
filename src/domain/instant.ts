import { beginsWithDate } from './codes/calendar-date.ts'

const form = /^(.{10}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.([0-9]{1,9}))?(Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$/
const longestForm = '2026-11-23T08:00:00.123456789+08:00'.length

/**
 * RFC 3339 with a capital T and Z, at most nanoseconds, and a day that there is. Leap seconds are left out: no computer's clock
 * shows them, and `Date.parse` has no moment for them.
 */
export function isInstant(text: string): boolean {
  return text.length <= longestForm && beginsWithDate(text) && form.test(text)
}

/**
 * The instant that somebody asks about: the first millisecond that is not before it, since the log and the views know whole ones.
 *
 * @returns undefined when the text is none, or lies in UTC outside of the years 1 to 9999, which Postgres reads no text for
 * @see RFC 3339 section 5.6, by which t and z may be small
 */
export function readInstant(text: string): Date | undefined {
  const capital = text.toUpperCase()
  if (!isInstant(capital)) return undefined
  const [, seconds = '', fraction = '', zone = ''] = form.exec(capital) ?? []
  const milliseconds = Date.parse(`${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}${zone}`)
  const at = new Date(milliseconds + (/[1-9]/.test(fraction.slice(3)) ? 1 : 0))
  return at.getUTCFullYear() >= 1 && at.getUTCFullYear() <= 9999 ? at : undefined
}

/** In UTC, and without the milliseconds where there are none. */
export function utcText(at: Date): string {
  return at.toISOString().replace('.000Z', 'Z')
}

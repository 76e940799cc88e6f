import { beginsWithDate, isCalendarDate } from '../domain/codes/calendar-date.ts'

/** The formats that schemas may ask for, stricter than the usual ones: one moment, one way to write it. */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  date: isCalendarDate,
  'date-time': isMoment,
  email: isEmail,
}

const timePattern = /^.{10}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$/

/**
 * RFC 3339 with a capital T and Z, at most nanoseconds. Leap seconds are left out: no computer's clock shows them, and
 * `Date.parse` has no moment for them.
 */
function isMoment(text: string): boolean {
  return text.length <= 35 && beginsWithDate(text) && timePattern.test(text)
}

const emailPattern =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/
const longestLocalPart = 64

/** The ASCII form that every mail system takes. @see RFC 5321 section 4.5.3.1 for the lengths; RFC 1123 section 2.1 for labels */
function isEmail(text: string): boolean {
  return text.length <= 254 && text.indexOf('@') <= longestLocalPart && emailPattern.test(text)
}

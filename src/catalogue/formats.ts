import { isCalendarDate } from '../domain/codes/calendar-date.ts'
import { isInstant } from '../domain/instant.ts'

/** The formats that schemas may ask for, stricter than the usual ones: one moment, one way to write it. */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  date: isCalendarDate,
  'date-time': isInstant,
  email: isEmail,
}

const emailPattern =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/
const longestLocalPart = 64

/** The ASCII form that every mail system takes. @see RFC 5321 section 4.5.3.1 for the lengths; RFC 1123 section 2.1 for labels */
function isEmail(text: string): boolean {
  return text.length <= 254 && text.indexOf('@') <= longestLocalPart && emailPattern.test(text)
}

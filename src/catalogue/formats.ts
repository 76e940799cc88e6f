import { isCalendarDate } from '../domain/codes/calendar-date.ts'

/** The formats that schemas may ask for, stricter than the usual ones: one moment, one way to write it. */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  date: isCalendarDate,
  'date-time': isMoment,
  email: isEmail,
}

const timePattern = /^T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$/

/**
 * RFC 3339 with a capital T and Z, at most nanoseconds. Leap seconds are left out: no computer's clock shows them, and
 * `Date.parse` has no moment for them.
 */
function isMoment(text: string): boolean {
  return text.length <= 35 && isCalendarDate(text.slice(0, 10)) && timePattern.test(text.slice(10))
}

/** The ASCII form that every mail system takes. @see RFC 5321 section 4.5.3.1 for the lengths */
function isEmail(text: string): boolean {
  if (text.length > 254) return false
  const [local, domain, ...more] = text.split('@')
  if (local === undefined || domain === undefined || more.length > 0) return false
  return isLocalPart(local) && isDomain(domain)
}

function isLocalPart(local: string): boolean {
  if (local.length < 1 || local.length > 64) return false
  return local.split('.').every((atom) => /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+$/.test(atom))
}

function isDomain(domain: string): boolean {
  const labels = domain.split('.')
  return labels.length >= 2 && labels.every((label) => /^(?!-)[A-Za-z0-9-]{1,63}$/.test(label) && !label.endsWith('-'))
}

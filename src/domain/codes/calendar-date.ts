const hyphen = 0x2d
const digit0 = 0x30
const daysOfMonths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Is it YYYY-MM-DD, and a day that the Gregorian calendar has? */
export function isCalendarDate(text: string): boolean {
  return text.length === 10 && beginsWithDate(text)
}

/** Whether the first ten characters are one. An event has a dozen of them: without a pattern they take a quarter of the time. */
export function beginsWithDate(text: string): boolean {
  if (text.charCodeAt(4) !== hyphen || text.charCodeAt(7) !== hyphen) return false
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2)
  const month = twoDigits(text, 5)
  const day = twoDigits(text, 8)
  // what is no number compares as false
  return year >= 0 && day >= 1 && day <= daysOf(year, month)
}

/** @returns NaN where there are no two digits */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - digit0
  const ones = text.charCodeAt(at + 1) - digit0
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

function daysOf(year: number, month: number): number {
  if (month === 2 && isLeap(year)) return 29
  return daysOfMonths[month - 1] ?? 0
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
}

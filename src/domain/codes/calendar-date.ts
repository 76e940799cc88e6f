const datePattern = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/
const daysOfMonths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Is it YYYY-MM-DD, and a day that the Gregorian calendar has? */
export function isCalendarDate(text: string): boolean {
  if (!datePattern.test(text)) return false
  const year = Number(text.slice(0, 4))
  const month = Number(text.slice(5, 7))
  const day = Number(text.slice(8, 10))
  return day >= 1 && day <= daysOf(year, month)
}

function daysOf(year: number, month: number): number {
  if (month === 2 && isLeap(year)) return 29
  return daysOfMonths[month - 1] ?? 0
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
}

import { isCalendarDate } from './calendar-date.ts'
import { type CodeContext, type CodeResult, codeError } from './code-check.ts'
import { valuesOf, weightedSum } from './weighted-sum.ts'

const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const values = valuesOf('0123456789')
const checkCharacters = '10X98765432'

/**
 * Resident ID 公民身份号码: address (6), birth date (8), sequence (3), check by ISO 7064 MOD 11-2. The address is not looked
 * up, since it is the one of the first registration and may long be retired. Numbers of the first generation (15 digits)
 * carry no check and are refused. Messages never repeat the number, nor a part of it that would complete it.
 *
 * @see GB 11643
 */
export function checkResidentId(value: string, { today }: CodeContext): CodeResult {
  if (value.length !== 18) return codeError('length', 'A resident ID number has 18 characters.', '公民身份号码应为 18 位。')
  if (!/^[1-9][0-9]{16}[0-9X]$/.test(value)) {
    return codeError(
      'format',
      'A resident ID number has 17 digits, the first not 0, and then a digit or a capital X.',
      '公民身份号码前 17 位为数字（首位不为 0），末位为数字或大写 X。',
    )
  }
  const birthDate = `${value.slice(6, 10)}-${value.slice(10, 12)}-${value.slice(12, 14)}`
  if (!isCalendarDate(birthDate) || birthDate < '1900-01-01' || birthDate > today) {
    return codeError(
      'birth-date',
      'The birth date in the resident ID number (characters 7 to 14) must be a day of the calendar, from 1900 to today.',
      '公民身份号码第 7 至 14 位的出生日期应为 1900 年至今真实存在的日期。',
    )
  }
  if (value.slice(14, 17) === '000') {
    return codeError(
      'sequence',
      'The sequence in a resident ID number (characters 15 to 17) is not 000.',
      '公民身份号码第 15 至 17 位的顺序码不得为 000。',
    )
  }
  if (value.charAt(17) === residentCheckCharacter(value)) return undefined
  return codeError(
    'check',
    'The check character of the resident ID number does not fit the other 17: compare it with the document.',
    '公民身份号码校验码与前 17 位不符：请与证件核对。',
  )
}

/** @param digits the first 17 count */
export function residentCheckCharacter(digits: string): string {
  return checkCharacters.charAt(weightedSum(digits, weights, values) % 11)
}

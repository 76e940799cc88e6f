import { type CodeResult, codeError } from './code-check.ts'
import { valuesOf, weightedSum } from './weighted-sum.ts'

const weights = [3, 7, 9, 10, 5, 8, 4, 2]
const values = valuesOf('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ')

/**
 * Organisation code 组织机构代码: eight characters and a check, printed with a hyphen before the check.
 *
 * @see GB 11714
 */
export function checkOrganisationCode(value: string): CodeResult {
  const printed = value.length === 10 && value.charAt(8) === '-'
  const code = printed ? value.slice(0, 8) + value.slice(9) : value
  if (code.length !== 9) return codeError('length', 'An organisation code has 9 characters.', '组织机构代码应为 9 位。')
  if (!/^[0-9A-Z]{8}[0-9X]$/.test(code)) {
    return codeError(
      'format',
      'An organisation code has 8 digits or capital letters and then a check character, a digit or X.',
      '组织机构代码由 8 位数字或大写字母和 1 位校验码（数字或 X）组成。',
    )
  }
  const right = organisationCheckCharacter(code)
  if (code.charAt(8) === right) return undefined
  return codeError(
    'check',
    `The check character of the organisation code is wrong: its first 8 characters ask for ${right}.`,
    `组织机构代码校验码错误：按前 8 位计算应为 ${right}。`,
  )
}

/** @param code its first eight characters count, each a digit or a capital letter */
export function organisationCheckCharacter(code: string): string {
  const check = 11 - (weightedSum(code, weights, values) % 11)
  if (check === 10) return 'X'
  return check === 11 ? '0' : String(check)
}

import { type CodeResult, codeError } from './code-check.ts'

/**
 * Registration number 注册号 in its form since 2007-07: first registrar (6 digits), serial (8), check by ISO 7064 MOD 11,10.
 *
 * @see GS 15-2006
 */
export function checkRegistrationNumber(value: string): CodeResult {
  if (value.length !== 15) return codeError('length', 'A registration number has 15 digits.', '注册号应为 15 位数字。')
  if (!/^[0-9]{15}$/.test(value)) return codeError('format', 'A registration number has digits only.', '注册号只含数字。')
  const right = registrationCheckDigit(value)
  if (value.charAt(14) === right) return undefined
  return codeError(
    'check',
    `The check digit of the registration number is wrong: its first 14 digits ask for ${right}.`,
    `注册号校验码错误：按前 14 位计算应为 ${right}。`,
  )
}

/** @param digits the first 14 count */
export function registrationCheckDigit(digits: string): string {
  let product = 10
  for (const digit of digits.slice(0, 14)) {
    const sum = (product + Number(digit)) % 10
    product = ((sum === 0 ? 10 : sum) * 2) % 11
  }
  return String((11 - product) % 10)
}

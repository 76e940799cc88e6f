import { type CodeResult, codeError } from './code-check.ts'

/**
 * Container number 集装箱号: owner (3 letters), category U, J or Z, serial (6 digits), check digit.
 *
 * @see ISO 6346
 */
export function checkContainerNumber(value: string): CodeResult {
  if (value.length !== 11) return codeError('length', 'A container number has 11 characters.', '集装箱号应为 11 位。')
  if (!/^[A-Z]{3}[UJZ][0-9]{7}$/.test(value)) {
    return codeError(
      'format',
      'A container number has 3 capital letters, then U, J or Z, then 7 digits.',
      '集装箱号由 3 位大写字母、1 位 U、J 或 Z 和 7 位数字组成。',
    )
  }
  const right = containerCheckDigit(value)
  if (value.charAt(10) === right) return undefined
  return codeError(
    'check',
    `The check digit of the container number is wrong: its first 10 characters ask for ${right}.`,
    `集装箱号校验码错误：按前 10 位计算应为 ${right}。`,
  )
}

/** @param code its first ten characters count. A remainder of 10 is written 0, so those two share a digit. */
export function containerCheckDigit(code: string): string {
  let sum = 0
  for (const [index, character] of [...code.slice(0, 10)].entries()) sum += numberOf(character) * 2 ** index
  return String((sum % 11) % 10)
}

/** Letters count on from 10 and leave out the multiples of 11. */
function numberOf(character: string): number {
  const value = Number.parseInt(character, 36)
  if (value < 11) return value
  return value + Math.floor((value - 1) / 10)
}

import { type CodeResult, codeError, codeWarning } from './code-check.ts'
import { organisationCheckCharacter } from './organisation-code.ts'
import { valuesOf, weightedSum } from './weighted-sum.ts'

const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY'
const values = valuesOf(alphabet)
const weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]

/** Categories by department, as table 1 of GB 32100-2015 has them. Amendments added some since, so most only warn. */
const categories: Readonly<Record<string, string>> = {
  1: '1239',
  2: '19',
  3: '123459',
  4: '19',
  5: '1239',
  6: '129',
  7: '129',
  8: '19',
  9: '1239',
  A: '19',
  N: '1239',
  Y: '1',
}

/**
 * Unified social credit code 统一社会信用代码: department, category, registrar's division (6), organisation code (9), check.
 * The division is looked at by shape alone: development zones register companies with codes that GB/T 2260 lacks.
 *
 * @see GB 32100-2015; GB 11714 for positions 9 to 17
 */
export function checkUscc(value: string): CodeResult {
  if (value.length !== 18) return codeError('length', 'A USCC has 18 characters.', '统一社会信用代码应为 18 位。')
  if (!/^[0-9A-HJ-NPQRTUWXY]{18}$/.test(value)) {
    return codeError(
      'format',
      'A USCC is written in digits and capital letters without I, O, S, V and Z.',
      '统一社会信用代码只含数字和大写字母，不含 I、O、S、V、Z。',
    )
  }
  const known = categories[value.charAt(0)]
  if (known === undefined) {
    return codeError(
      'department',
      'A USCC begins with 1 to 9, A, N or Y.',
      '统一社会信用代码第 1 位（登记管理部门）应为 1 至 9、A、N 或 Y。',
    )
  }
  const usual = known.includes(value.charAt(1))
  if (value.charAt(0) === '9' && !usual) {
    return codeError(
      'category',
      'Behind the department 9 stands the category 1, 2, 3 or 9.',
      '登记管理部门为 9 时，第 2 位（机构类别）应为 1、2、3 或 9。',
    )
  }
  if (!/^[1-9]$/.test(value.charAt(1))) {
    return codeError(
      'category',
      'The second character of a USCC is a digit from 1 to 9.',
      '统一社会信用代码第 2 位（机构类别）应为 1 至 9。',
    )
  }
  if (!/^[0-9]{6}$/.test(value.slice(2, 8))) {
    return codeError('division', 'Characters 3 to 8 of a USCC are digits.', '统一社会信用代码第 3 至 8 位应为数字。')
  }
  const right = usccCheckCharacter(value)
  if (value.charAt(17) !== right) {
    return codeError(
      'check',
      `The check character of the USCC is wrong: its first 17 characters ask for ${right}.`,
      `统一社会信用代码校验码错误：按前 17 位计算应为 ${right}。`,
    )
  }
  const organisationCheck = organisationCheckCharacter(value.slice(8, 16))
  if (value.charAt(16) !== organisationCheck) {
    return codeError(
      'org-check',
      `The organisation code inside the USCC (characters 9 to 17) is wrong: it must end in ${organisationCheck}.`,
      `统一社会信用代码第 9 至 17 位的组织机构代码校验码错误：应为 ${organisationCheck}。`,
    )
  }
  if (usual) return undefined
  return codeWarning(
    'category',
    `GB 32100-2015 has no category ${value.charAt(1)} for the department ${value.charAt(0)}.`,
    `GB 32100-2015 中登记管理部门 ${value.charAt(0)} 没有机构类别 ${value.charAt(1)}。`,
  )
}

/** @param code its first 17 characters count, each of the alphabet */
export function usccCheckCharacter(code: string): string {
  const sum = weightedSum(code, weights, values)
  // the outer remainder matters: it gives 0, not 31, when 31 divides the sum
  return alphabet.charAt((31 - (sum % 31)) % 31)
}

import { type CodeContext, type CodeFault, type CodeResult, codeError } from './code-check.ts'
import { organisationCheckCharacter } from './organisation-code.ts'
import { checkResidentId } from './resident-id.ts'
import { checkUscc } from './uscc.ts'

/** Old tax number 税务登记号: division (6), by shape alone, and organisation code (9). In use until the USCC took its place. */
export function checkOldTaxNumber(value: string): CodeResult {
  if (value.length !== 15) return codeError('length', 'An old tax number has 15 characters.', '旧税务登记号应为 15 位。')
  if (!/^[0-9]{6}[0-9A-Z]{8}[0-9X]$/.test(value)) {
    return codeError(
      'format',
      'An old tax number has 6 digits, 8 digits or capital letters, and then a digit or X.',
      '旧税务登记号由 6 位数字、8 位数字或大写字母和 1 位数字或 X 组成。',
    )
  }
  const right = organisationCheckCharacter(value.slice(6, 14))
  if (value.charAt(14) === right) return undefined
  return codeError(
    'org-check',
    `The organisation code inside the tax number (characters 7 to 15) is wrong: it must end in ${right}.`,
    `税务登记号第 7 至 15 位的组织机构代码校验码错误：应为 ${right}。`,
  )
}

/**
 * Taxpayer identification number 纳税人识别号 of any time: 15 characters old, 18 the USCC, 20 a resident ID number and two
 * digits (individual businesses). Of 16, 17 and 19 characters only the alphabet is known.
 */
export function checkTaxpayerId(value: string, context: CodeContext): CodeResult {
  if (value.length < 15 || value.length > 20) {
    return codeError(
      'length',
      'A taxpayer number has 15 characters (old), 18 (the USCC) or 20 (individual businesses), and never less or more.',
      '纳税人识别号为 15 位（旧号）、18 位（统一社会信用代码）或 20 位（个体工商户），不得更短或更长。',
    )
  }
  if (!/^[0-9A-Z]{15,20}$/.test(value)) {
    return codeError('format', 'A taxpayer number is written in digits and capital letters.', '纳税人识别号只含数字和大写字母。')
  }
  if (value.length === 15) return checkOldTaxNumber(value)
  if (value.length === 18) return checkUscc(value)
  return value.length === 20 ? checkPersonalTaxNumber(value, context) : undefined
}

function checkPersonalTaxNumber(value: string, context: CodeContext): CodeResult {
  if (!/^[0-9]{2}$/.test(value.slice(18))) return codeError('format', ...personalForm)
  return withForm(checkResidentId(value.slice(0, 18), context))
}

const personalForm: [en: string, zh: string] = [
  'A taxpayer number of 20 characters is a resident ID number and two digits.',
  '20 位纳税人识别号由公民身份号码和两位数字组成。',
]

function withForm(fault: CodeResult): CodeFault | undefined {
  if (!fault) return undefined
  const { en, zh } = fault.message
  return { ...fault, message: { en: `${personalForm[0]} ${en}`, zh: `${personalForm[1]}${zh}` } }
}

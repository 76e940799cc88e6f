import { type CodeContext, type CodeResult, codeError } from './code-check.ts'
import { checkResidentId } from './resident-id.ts'

/** Document types 证件类型 (CERTYPE) of the registration system. */
export const documentTypes: ReadonlyMap<string, string> = new Map([
  ['10', '居民身份证'],
  ['20', '军官证'],
  ['30', '警官证'],
  ['40', '外国(地区)护照'],
  ['51', '香港特别行政区护照'],
  ['52', '香港(永久性)居民身份证'],
  ['53', '澳门特别行政区护照'],
  ['54', '澳门(永久性)居民身份证'],
  ['55', '港澳居民来往内地通行证'],
  ['56', '台湾居民身份证'],
  ['57', '台湾居民来往大陆通行证'],
  ['90', '其他有效身份证件'],
])

export function checkDocumentType(value: string): CodeResult {
  if (value.length !== 2) {
    return codeError(
      'length',
      'A document type has 2 digits, such as 10 for the resident ID card.',
      '证件类型为 2 位代码，如 10 表示居民身份证。',
    )
  }
  if (!/^[0-9]{2}$/.test(value)) return codeError('format', 'A document type has digits only.', '证件类型代码只含数字。')
  if (documentTypes.has(value)) return undefined
  const known = [...documentTypes.keys()].join(', ')
  return codeError('unknown', `There is no document type ${value}; there are ${known}.`, `没有证件类型 ${value}；现有 ${known}。`)
}

/** Number of a document, by its type. Messages never repeat it. Of an unknown type only the length is looked at. */
export function checkDocumentNumber(type: string, value: string, context: CodeContext): CodeResult {
  switch (type) {
    case '10':
      return checkResidentId(value, context)
    case '40':
      return checkPassport(value)
    case '55':
      return checkHongKongMacaoPermit(value)
    case '57':
      return checkTaiwanPermit(value)
    default:
      return checkOtherDocument(value)
  }
}

function checkPassport(value: string): CodeResult {
  // the form before the length, because a short number with a hyphen is mended by leaving the hyphen out
  if (!/^[A-Z0-9]*$/.test(value)) {
    return codeError('format', 'A passport number has digits and capital letters only.', '护照号码只含数字和大写字母。')
  }
  if (value.length >= 5 && value.length <= 20) return undefined
  return codeError('length', 'A passport number has 5 to 20 characters.', '护照号码应为 5 至 20 位。')
}

/** 港澳居民来往内地通行证: the two last digits count re-issues and are left out on newer cards. */
function checkHongKongMacaoPermit(value: string): CodeResult {
  if (value.length !== 9 && value.length !== 11) {
    return codeError(
      'length',
      'A permit for residents of Hong Kong and Macao has 9 or 11 characters.',
      '港澳居民来往内地通行证号码应为 9 位或 11 位。',
    )
  }
  if (/^[HM][0-9]{8}([0-9]{2})?$/.test(value)) return undefined
  return codeError(
    'format',
    'A permit for residents of Hong Kong and Macao has H or M and then digits.',
    '港澳居民来往内地通行证号码以 H 或 M 开头，其余为数字。',
  )
}

/** 台湾居民来往大陆通行证 */
function checkTaiwanPermit(value: string): CodeResult {
  if (value.length !== 8) {
    return codeError('length', 'A permit for residents of Taiwan has 8 digits.', '台湾居民来往大陆通行证号码应为 8 位数字。')
  }
  if (/^[0-9]{8}$/.test(value)) return undefined
  return codeError('format', 'A permit for residents of Taiwan has digits only.', '台湾居民来往大陆通行证号码只含数字。')
}

function checkOtherDocument(value: string): CodeResult {
  if (value.length >= 5 && value.length <= 30) return undefined
  return codeError('length', 'A document number has 5 to 30 characters.', '证件号码应为 5 至 30 位。')
}

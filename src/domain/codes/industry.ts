import { type CodeResult, codeError } from './code-check.ts'

/** First and last division (two digits) of each section. */
const sections: ReadonlyMap<string, readonly [first: number, last: number]> = new Map([
  ['A', [1, 5]],
  ['B', [6, 12]],
  ['C', [13, 43]],
  ['D', [44, 46]],
  ['E', [47, 50]],
  ['F', [51, 52]],
  ['G', [53, 60]],
  ['H', [61, 62]],
  ['I', [63, 65]],
  ['J', [66, 69]],
  ['K', [70, 70]],
  ['L', [71, 72]],
  ['M', [73, 75]],
  ['N', [76, 79]],
  ['O', [80, 82]],
  ['P', [83, 83]],
  ['Q', [84, 85]],
  ['R', [86, 90]],
  ['S', [91, 96]],
  ['T', [97, 97]],
])

const sectionOfDivision: ReadonlyMap<string, string> = new Map(
  [...sections].flatMap(([section, [first, last]]) =>
    Array.from({ length: last - first + 1 }, (_, i): [string, string] => [String(first + i).padStart(2, '0'), section]),
  ),
)

/**
 * Industry code 行业代码: division (2 digits), group (3) or class (4). Groups and classes are not looked up.
 *
 * @see GB/T 4754-2017
 */
export function checkIndustryCode(value: string): CodeResult {
  // a section letter glued on is a matter of form, so the form speaks before the length here
  if (value !== '' && !/^[0-9]+$/.test(value)) {
    return codeError(
      'format',
      'An industry code has digits only; the section letter is a field of its own.',
      '行业代码只含数字；行业门类字母另填。',
    )
  }
  if (value.length < 2 || value.length > 4)
    return codeError('length', 'An industry code has 2 to 4 digits.', '行业代码应为 2 至 4 位数字。')
  if (sectionOf(value) !== undefined) return undefined
  return codeError(
    'division',
    `GB/T 4754-2017 has no division ${value.slice(0, 2)}: it has 01 to 97.`,
    `GB/T 4754-2017 没有大类 ${value.slice(0, 2)}：大类为 01 至 97。`,
  )
}

/** Section 行业门类 and industry code together: each by itself first, then whether they fit. */
export function checkIndustry(section: string, code: string): CodeResult {
  const fault = checkIndustryCode(code)
  if (fault) return fault
  if (section !== '' && !/^[A-Z]$/.test(section)) {
    return codeError('format', 'An industry section is one capital letter.', '行业门类应为 1 位大写字母。')
  }
  const right = sectionOf(code)
  if (section === right) return undefined
  return codeError(
    'section',
    `The industry code belongs to section ${right}: its division ${code.slice(0, 2)} is there in GB/T 4754-2017.`,
    `该行业代码属于门类 ${right}：大类 ${code.slice(0, 2)} 在 GB/T 4754-2017 中归入该门类。`,
  )
}

/** The section letter of a code's division; undefined when there is no such division. */
function sectionOf(code: string): string | undefined {
  return sectionOfDivision.get(code.slice(0, 2))
}

import { type CodeResult, codeError, codeWarning } from './code-check.ts'

/** The registration system's own table, as far as it was published: copies differ, so an unknown code is merely odd. */
export const entityTypes: ReadonlyMap<string, string> = new Map([
  ['1100', '有限责任公司'],
  ['1110', '有限责任公司(国有独资)'],
  ['1120', '有限责任公司(外商投资企业投资)'],
  ['1121', '有限责任公司(外商投资企业合资)'],
  ['1122', '有限责任公司(外商投资企业与内资合资)'],
  ['1123', '有限责任公司(外商投资企业法人独资)'],
  ['1130', '有限责任公司(自然人投资或控股)'],
  ['1140', '有限责任公司(国有控股)'],
  ['1150', '一人有限责任公司'],
  ['1151', '有限责任公司(自然人独资)'],
  ['1152', '有限责任公司(自然人投资或控股的法人独资)'],
  ['1153', '有限责任公司(非自然人投资或控股的法人独资)'],
  ['1190', '其他有限责任公司'],
  ['1200', '股份有限公司'],
  ['1210', '股份有限公司(上市)'],
  ['1211', '股份有限公司(上市、外商投资企业投资)'],
  ['1212', '股份有限公司(上市、自然人投资或控股)'],
  ['1213', '股份有限公司(上市、国有控股)'],
  ['1219', '其他股份有限公司(上市)'],
  ['1220', '股份有限公司(非上市)'],
  ['1221', '股份有限公司(非上市、外商投资企业投资)'],
  ['9500', '个体工商户'],
])

/** Entity type 市场主体类型 (ENTTYPE). */
export function checkEntityType(value: string): CodeResult {
  if (value.length !== 4) {
    return codeError(
      'length',
      'An entity type has 4 digits, as in the registration system; statistics has another table with 3.',
      '市场主体类型为登记系统的 4 位代码；3 位代码属统计用表。',
    )
  }
  if (!/^[0-9]{4}$/.test(value)) return codeError('format', 'An entity type has digits only.', '市场主体类型代码只含数字。')
  if (entityTypes.has(value)) return undefined
  return codeWarning(
    'unknown',
    `The table of entity types has no ${value}: make sure that it is meant.`,
    `市场主体类型代码表中没有 ${value}：请确认。`,
  )
}

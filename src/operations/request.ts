import { isPartyId } from '../domain/party-id.ts'
import { type Refusal, RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject, Text } from '../domain/text.ts'

// What acts read out of a signed request.

/** @throws {RefusedRequest} `invalid-request` */
export function indexIn(payload: JsonObject, name: string): number {
  const value = payload[name]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw invalid({ en: `${name} must be an index of the log`, zh: `${name} 须为日志索引` })
  return value
}

/** @throws {RefusedRequest} `invalid-request` */
export function bureauIn(payload: JsonObject): string {
  const { bureau } = payload
  if (typeof bureau !== 'string' || !isPartyId(bureau))
    throw invalid({ en: 'bureau must be the id of a bureau, such as local-tax', zh: 'bureau 须为部门代码，如 local-tax' })
  return bureau
}

/** A whole number within bounds; undefined when it is absent. @throws {RefusedRequest} `invalid-request` */
export function countIn(payload: JsonObject, name: string, max: number): number | undefined {
  const value = payload[name]
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1 || value > max)
    throw invalid({ en: `${name} must be a whole number from 1 to ${max}`, zh: `${name} 须为 1 至 ${max} 的整数` })
  return value
}

export const invalid = (detail: Text) => new RefusedRequest('invalid-request', detail)
export const refusal = (detail: Text): Refusal => ({ code: 'invalid-request', detail })

export const noBureau = (bureau: string): Text => ({
  en: `the catalogue in force has no bureau ${bureau}`,
  zh: `现行目录中没有部门 ${bureau}`,
})

import type { Kind } from '../catalogue/catalogue.ts'
import { maskData } from '../domain/mask.ts'
import type { JsonObject } from '../domain/text.ts'

/** An event's data as an operator sees them. */
export function maskedData(data: JsonObject, kind: Kind): JsonObject {
  return maskData(data, kind.personal, [''])
}

import { isHidden } from './hiding-pattern.ts'
import { changeAt } from './pointer.ts'
import type { Json, JsonObject } from './text.ts'

export type Mask = 'name' | 'number' | 'text'

/** A place of an event's data that holds a person's particulars. */
export interface Personal {
  // JSON Pointer inside `data`, `*` for every element
  readonly path: string
  readonly mask: Mask
  /** masked only where the value matches; what is no text always is */
  readonly pattern?: string
}

/**
 * A record's data as an operator sees them.
 *
 * @param places where the kind's types put their data: `""` the top, `tax.{sender}` under that path for every sender
 */
export function maskData(data: JsonObject, personal: readonly Personal[], places: readonly string[]): JsonObject {
  const prefixes = new Set(places.map((place) => (place === '' ? '' : `/${place.replace('{sender}', '*').replaceAll('.', '/')}`)))
  let masked = data
  for (const prefix of prefixes)
    for (const { path, mask, pattern } of personal)
      masked = changeAt(masked, `${prefix}${path}`, (value) => maskValue(value, mask, pattern))
  return masked
}

function maskValue(value: Json, mask: Mask, pattern: string | undefined): Json {
  if (value === null) return null
  if (typeof value !== 'string') return hidden
  if (!isHidden(value, pattern)) return value
  switch (mask) {
    case 'name':
      return `${[...value][0] ?? ''}**`
    case 'number':
      // shorter ones would show most of their digits
      return [...value].length < 12 ? hidden : `${value.slice(0, 4)}********${value.slice(-4)}`
    case 'text':
      return hidden
  }
}

const hidden = '***'

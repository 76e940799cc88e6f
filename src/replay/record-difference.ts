import { isDeepStrictEqual } from 'node:util'
import { own } from '../domain/pointer.ts'
import { type Origin, originsOf } from '../domain/provenance.ts'
import type { ViewRecord } from '../domain/record.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'

/** One side of a difference: a value, and the event that it came from. */
export interface Sourced {
  /** absent where there is none */
  readonly value?: Json
  /** index in the log; absent where no event is known */
  readonly index?: number
}

/** A field in which two records of one subject differ: in its value, or in the event that it came from. */
export interface FieldDifference {
  /** a column of the record, or a field of its data as provenance names it, such as `tax.state-tax.taxpayerStatus` */
  readonly field: string
  readonly left: Sourced
  readonly right: Sourced
  /** a person's particulars: the values are left out */
  readonly personal?: true
}

/** A record's data without what an operator may not see: operatorsMask(). */
export type Masking = (data: JsonObject) => JsonObject

const columns = ['status', 'layers', 'name', 'jurisdiction', 'office', 'state', 'firstIndex', 'lastIndex', 'events'] as const

/** In what two records of one subject differ; when they were written doesn't count. */
export function differencesOf(left: ViewRecord, right: ViewRecord, mask: Masking): readonly FieldDifference[] {
  const found = columns.flatMap((field): FieldDifference[] =>
    same(left[field], right[field])
      ? []
      : [
          {
            field,
            left: sourced(plain(left[field]), { index: left.lastIndex }),
            right: sourced(plain(right[field]), { index: right.lastIndex }),
          },
        ],
  )
  const [origins, originsToo] = [originsOf(left.provenance), originsOf(right.provenance)]
  if (same(left.data, right.data) && same(origins, originsToo)) return found
  const named = new Set([...Object.keys(origins), ...Object.keys(originsToo)])
  const [hidden, hiddenToo] = [mask(left.data), mask(right.data)]
  const fields = [...named].sort().flatMap((field): FieldDifference[] => {
    const [a, b] = [valueAt(left.data, field), valueAt(right.data, field)]
    const [from, fromToo] = [own<Origin>(origins, field), own<Origin>(originsToo, field)]
    if (same(a, b) && same(from, fromToo)) return []
    if (!same(valueAt(hidden, field), a) || !same(valueAt(hiddenToo, field), b))
      return [{ field, left: sourced(undefined, from), right: sourced(undefined, fromToo), personal: true }]
    return [{ field, left: sourced(a, from), right: sourced(b, fromToo) }]
  })
  // what no provenance names, no event brought
  const stray: FieldDifference[] = fields.length === 0 ? [{ field: 'data', left: {}, right: {} }] : []
  return [...found, ...fields, ...stray]
}

/** @param field dotted, as provenance names it */
export function valueAt(data: JsonObject, field: string): Json | undefined {
  let value: Json | undefined = data
  for (const step of field.split('.')) value = isJsonObject(value) ? own<Json>(value, step) : undefined
  return value
}

export function sourced(value: Json | undefined, from: { readonly index: number } | undefined): Sourced {
  return { ...(value === undefined ? {} : { value }), ...(from === undefined ? {} : { index: from.index }) }
}

/** A fold's objects may hold members that are undefined; what the database gave back has no such. */
const same = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b) || isDeepStrictEqual(plain(a), plain(b))
const plain = (value: unknown): Json | undefined => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)))

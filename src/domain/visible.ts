import { isHidden } from './hiding-pattern.ts'
import { changeAt } from './pointer.ts'
import { isJsonObject, type Json, type JsonObject } from './text.ts'

/** A place of `data` that a bureau may not see; what the catalogue's `restricted` comes down to for one bureau. */
export interface Concealed {
  // JSON Pointer inside `data`, `*` for every element: `/shareholders/*/idNumber`
  readonly path: string
  /** only values that match are concealed; one that is no text always is */
  readonly pattern?: string
  /** not concealed where the sibling member `name` is one of `in` */
  readonly unless?: { readonly name: string; readonly in: readonly string[] }
}

/**
 * What a receiver sees of an event's data: members that it may not see are left out, as if they had not been sent.
 *
 * @param fields the top-level fields that it receives; undefined for all
 */
export function visibleData(
  data: JsonObject,
  fields: ReadonlySet<string> | undefined,
  concealed: readonly Concealed[],
): JsonObject {
  const received = fields === undefined ? data : Object.fromEntries(Object.entries(data).filter(([field]) => fields.has(field)))
  return concealed.reduce(
    (seen, place) => changeAt(seen, place.path, (value, holder) => unlessConcealed(place, value, holder)),
    received,
  )
}

function unlessConcealed(place: Concealed, value: Json, holder: JsonObject | undefined): Json | undefined {
  const { pattern, unless } = place
  if (typeof value === 'string' && !isHidden(value, pattern)) return value
  if (unless !== undefined && isJsonObject(holder) && Object.hasOwn(holder, unless.name)) {
    const sibling = holder[unless.name]
    if (typeof sibling === 'string' && unless.in.includes(sibling)) return value
  }
  // a removal says nothing of the value that was there
  return value === null ? value : undefined
}

import { isJsonObject, type Json, type JsonObject } from './text.ts'

// The steps of a JSON Pointer whose `*` stands for every element: `/clearance/clearedBy/*/bureau`.
// RFC 6901 section 4 says what `~1` and `~0` mean; the `*` is ours.
export function stepsOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** A member that the object itself has: `constructor` is no field that a bureau sent. */
export function own<T>(object: { readonly [member: string]: T } | undefined, member: string): T | undefined {
  return object !== undefined && Object.hasOwn(object, member) ? object[member] : undefined
}

/** Every value that a pointer with `*` reaches, in document order. */
export function valuesAt(value: Json, pointer: string): readonly Json[] {
  return stepsOf(pointer).reduce<readonly Json[]>((reached, step) => reached.flatMap((each) => children(each, step)), [value])
}

function children(value: Json, step: string): readonly Json[] {
  if (Array.isArray(value)) return step === '*' ? value : []
  if (!isJsonObject(value)) return []
  if (step === '*') return Object.values(value)
  return Object.hasOwn(value, step) ? [value[step] ?? null] : []
}

/**
 * A copy in which each value that the pointer reaches is what `change` makes of it; `undefined` takes it out.
 *
 * @param change is given the value and the object that holds it, where an object does
 */
export function changeAt(
  value: JsonObject,
  pointer: string,
  change: (value: Json, holder: JsonObject | undefined) => Json | undefined,
): JsonObject {
  const changed = walk(value, undefined, stepsOf(pointer))
  return isJsonObject(changed) ? changed : {}

  function walk(at: Json, holder: JsonObject | undefined, steps: readonly string[]): Json | undefined {
    const [step, ...rest] = steps
    if (step === undefined) return change(at, holder)
    if (Array.isArray(at)) return step === '*' ? at.flatMap((element) => kept(walk(element, undefined, rest))) : at
    if (!isJsonObject(at)) return at
    if (step !== '*' && !Object.hasOwn(at, step)) return at
    return Object.fromEntries(
      Object.entries(at).flatMap(([member, child]) => {
        if (step !== '*' && member !== step) return [[member, child]]
        return kept(walk(child, at, rest)).map((value) => [member, value])
      }),
    )
  }
}

/** Wrapped, so that a value which is a list itself stays one value. */
function kept(value: Json | undefined): readonly Json[] {
  return value === undefined ? [] : [value]
}

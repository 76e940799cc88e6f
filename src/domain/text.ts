/** A sentence for people, in the two languages the exchange speaks. */
export interface Text {
  readonly en: string
  readonly zh: string
}

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [member: string]: Json
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** For the end of a `switch` over a union: the compiler proves that it is never reached. */
export function assertNever(value: never): never {
  throw new Error(`not a case that exists: ${JSON.stringify(value)}`)
}

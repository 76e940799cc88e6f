/** A change of the rules, as it is told to whoever judges entries. Plain data: it crosses threads and goes into the work file. */
export type RulesChange =
  /** an entry that was found valid */
  | { readonly kind: 'key'; readonly index: number; readonly entry: string }
  | { readonly kind: 'catalogue'; readonly index: number; readonly files: readonly (readonly [name: string, content: string])[] }

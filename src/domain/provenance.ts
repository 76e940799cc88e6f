/** Where a value of a record came from. */
export interface Origin {
  readonly index: number
  readonly source: string
  readonly time: string
  /** an event after it that would have changed the value, had an operator not dismissed it */
  readonly dismissed?: Dismissal
}

/** An event that an operator took out of one view. */
export interface Dismissal {
  /** of the event */
  readonly index: number
  /** index of the operator's request in the log */
  readonly operation: number
  readonly reason: string
}

/** An origin, and the fields whose values came from there, by name. */
export interface SharedOrigin extends Origin {
  readonly fields: readonly string[]
}

type ByField = Readonly<Record<string, Origin>>

/**
 * Where the values of a record came from, as a view stores it: one event brings many fields, and said for each of them its origin
 * would be longer than the data. Older rows say it for each field; they are read as well, and stored anew when an event changes them.
 */
export type Provenance = readonly SharedOrigin[] | ByField

/** Origins by field; a nested one is named `tax.state-tax.taxNumber`. */
export function originsOf(provenance: Provenance): ByField {
  if (isByField(provenance)) return provenance
  return Object.fromEntries(provenance.flatMap(({ fields, ...origin }) => fields.map((field) => [field, origin] as const)))
}

/** After an event that brought some fields and took others out. */
export function provenanceAfter(
  before: Provenance,
  brought: readonly string[],
  removed: Iterable<string>,
  origin: Origin,
): Provenance {
  const shared = sharedOf(before)
  if (shared.length === 0) return joined(shared, brought, origin)
  return joined(without(shared, new Set([...brought, ...removed])), brought, origin)
}

/** After an event that was dismissed: the fields that it would have changed say so, and keep the origin that they have. */
export function provenanceWithout(
  before: Provenance,
  fields: readonly string[],
  { index, source, time }: Origin,
  dismissed: Dismissal,
): Provenance {
  const origins = new Map(Object.entries(originsOf(before)))
  let after = without(sharedOf(before), new Set(fields))
  // a field that nobody has given yet has the dismissed event as its origin
  for (const field of fields) after = joined(after, [field], { ...(origins.get(field) ?? { index, source, time }), dismissed })
  return after
}

function isByField(provenance: Provenance): provenance is ByField {
  return !Array.isArray(provenance)
}

function without(shared: readonly SharedOrigin[], gone: ReadonlySet<string>): readonly SharedOrigin[] {
  return shared.flatMap((origin) => {
    if (!origin.fields.some((field) => gone.has(field))) return [origin]
    const fields = origin.fields.filter((field) => !gone.has(field))
    return fields.length === 0 ? [] : [{ ...origin, fields }]
  })
}

function sharedOf(provenance: Provenance): readonly SharedOrigin[] {
  if (!isByField(provenance)) return provenance
  let shared: readonly SharedOrigin[] = []
  for (const [field, origin] of Object.entries(provenance)) shared = joined(shared, [field], origin)
  return shared
}

/** In one order whatever came first, so that two folds of the same events are the same text. */
function joined(shared: readonly SharedOrigin[], fields: readonly string[], origin: Origin): readonly SharedOrigin[] {
  if (fields.length === 0) return shared
  const same = shared.find((other) => other.index === origin.index && other.dismissed?.index === origin.dismissed?.index)
  const one = { ...origin, fields: same === undefined ? inOrder(fields) : [...same.fields, ...fields].sort() }
  if (shared.length === 0) return [one]
  return [...shared.filter((other) => other !== same), one].sort(
    (a, b) => a.index - b.index || (a.dismissed?.index ?? -1) - (b.dismissed?.index ?? -1),
  )
}

/** Events of one type bring the same fields again and again, and to sort thirty names takes longer than to fold the rest. */
const sorted = new Map<string, readonly string[]>()
/** More lists than the types of a catalogue bring; one that is larger begins anew. */
const mostSorted = 256

function inOrder(fields: readonly string[]): readonly string[] {
  // a name may hold any character, but a list of names is told from every other by its JSON
  const key = JSON.stringify(fields)
  const known = sorted.get(key)
  if (known !== undefined) return known
  if (sorted.size >= mostSorted) sorted.clear()
  const names = [...fields].sort()
  sorted.set(key, names)
  return names
}

import { payloadOfLogged } from '../../identity/compact.ts'
import { readFormedEntry } from './entry-form.ts'

/** The types that the events of one bundle say. It reads no more than it is asked for, and nothing twice. */
export class BundleTypes {
  readonly #entries: readonly Buffer[]
  readonly #types = new Set<string>()
  #read = 0

  constructor(entries: readonly Buffer[]) {
    this.#entries = entries
  }

  /** Of the events before this place. Whether they are valid is not known yet: one that is not is a finding of its own. */
  before(place: number): ReadonlySet<string> {
    for (const entry of this.#entries.slice(this.#read, place)) {
      const type = typeOf(entry)
      if (type !== undefined) this.#types.add(type)
    }
    this.#read = Math.max(this.#read, place)
    return this.#types
  }
}

function typeOf(entry: Buffer): string | undefined {
  try {
    const formed = readFormedEntry(entry)
    if (formed.kind !== 'event') return undefined
    const { type } = payloadOfLogged(formed.jws)
    return typeof type === 'string' ? type : undefined
  } catch {
    return undefined // whoever judges the bundle says what is wrong with it
  }
}

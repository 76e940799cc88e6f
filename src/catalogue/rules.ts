import type { Finding } from '../domain/event.ts'
import type { JsonObject } from '../domain/text.ts'
import type { Catalogue, EventType, Kind, Party } from './catalogue.ts'

/** A catalogue made ready for use: every name resolved, every schema compiled or about to be when it is first asked. Immutable. */
export interface Rules {
  readonly catalogue: Catalogue
  /** the catalogue's files by name, `catalogue.json` first; what a `catalogue` entry names by digest */
  readonly files: ReadonlyMap<string, string>
  readonly parties: ReadonlyMap<string, Party>
  readonly bureaus: readonly Party[]
  readonly kinds: ReadonlyMap<string, Kind>
  readonly types: ReadonlyMap<string, TypeRules>
  /** by bureau, where the catalogue gives it rules of its own */
  readonly views: ReadonlyMap<string, CompiledViewRules>
}

export interface TypeRules {
  readonly type: EventType
  readonly kind: Kind
  readonly senders: ReadonlySet<string>
  /** by bureau; `undefined`: it receives every field it may see */
  readonly receivers: ReadonlyMap<string, ReadonlySet<string> | undefined>
  /**
   * Checks 5 and 6: schema, code rules, dates, subject, time.
   *
   * @param event a payload whose `id`, `source`, `type` and `subject` are known to be strings
   * @returns every error (at most 200) and everything merely odd; no errors means it is a CloudEvent
   */
  check(event: JsonObject, now: Date): { readonly errors: readonly Finding[]; readonly warnings: readonly Finding[] }
}

export interface CompiledViewRules {
  /** the office for a division; undefined when the bureau has no assignment table */
  readonly assignment: { readonly field: string; readonly offices: ReadonlyMap<string, string> } | undefined
  /** findings of the bureau's own record schema; empty when satisfied or when there is none. `today`: the event's, `YYYY-MM-DD` in China */
  checkRecord(data: JsonObject, today: string): readonly Finding[]
}

/** A catalogue that can't be used; names every fault at once. */
export class CatalogueInvalid extends Error {
  override readonly name = 'CatalogueInvalid'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(
      `the catalogue has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    )
    this.faults = faults
  }
}

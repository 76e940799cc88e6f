import type { FindingsSnapshot } from './finding.ts'
import type { Part } from './part.ts'
import type { Doubt } from './second-look.ts'

/** What a verification came to. */
export interface AuditReport {
  /** what was read: URL, folder or file */
  readonly source: string
  readonly origin: string
  readonly vkey: string
  readonly verifiedAt: string
  readonly tookMs: number
  /** undefined when the checkpoint itself was no good, and nothing else was looked at */
  readonly checkpoint: { readonly size: number; readonly root: string } | undefined
  /** those that the auditor named and that cosigned the checkpoint; undefined where none were named */
  readonly witnesses?: { readonly named: number; readonly cosigned: readonly { readonly name: string; readonly time: string }[] }
  readonly lastVisit: { readonly size: number; readonly root: string; readonly verifiedAt: string } | undefined
  readonly operator: {
    /** of the key at index 1 */
    readonly thumbprint: string | undefined
    /** whether the auditor said it by --operator */
    readonly pinned: boolean
    /** what the auditor said */
    readonly given: string | undefined
  }
  readonly keys: number
  readonly catalogues: number
  /** entries by kind */
  readonly kinds: Readonly<Record<string, number>>
  /** good events by type */
  readonly types: Readonly<Record<string, number>>
  /** entries by `<day> <kind>`, days as YYYY-MM-DD in UTC */
  readonly days: Readonly<Record<string, number>>
  readonly findings: FindingsSnapshot
  /** no findings: valid events signed by keys that were later said to be in other hands by then */
  readonly doubtful: readonly (Doubt & { readonly events: number; readonly indexes: readonly number[] })[]
  /** whether it went on from where an earlier run was stopped */
  readonly resumed: boolean
  /**
   * the entries that were looked at, where not all were. `withRules`: whether keys, rules and legal order were judged; else
   * no more than form, place and times. `endToldBy`: `copy` where it is the copy that says to hold no entries after them
   */
  readonly only: (Part & { readonly withRules: boolean }) | undefined
}

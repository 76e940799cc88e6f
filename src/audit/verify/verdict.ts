import type { Finding } from './finding.ts'
import type { SortedTraces } from './trace.ts'

/** What judging one bundle came to. */
export interface Verdict {
  readonly n: number
  /** leaf hashes of the entries, joined */
  readonly leaves: Uint8Array<ArrayBuffer>
  /** of a full tile */
  readonly root: Uint8Array | undefined
  readonly findings: readonly Finding[]
  readonly firstReceived: string | undefined
  readonly lastReceived: string | undefined
  /** entries by `day kind` */
  readonly days: readonly (readonly [string, number])[]
  /** events by type */
  readonly types: readonly (readonly [string, number])[]
  /** what the entries leave behind */
  readonly traces: SortedTraces
  readonly unjudged: number
}

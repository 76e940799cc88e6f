import type { Checkpoint } from '../../log/checkpoint.ts'

/** The edition of everything that an evidence file has in it, by what its manifest says. {@link contentsOf} makes each of them. */
export const evidenceFormats = ['lianban-evidence@1', 'lianban-evidence@2'] as const
export type EvidenceFormat = (typeof evidenceFormats)[number]
/** What new evidence is made in. */
export const newestFormat: EvidenceFormat = 'lianban-evidence@2'

/** An entry of the log with its self-contained receipt. */
export interface ProvedEntry {
  readonly index: number
  readonly bytes: Buffer
  /** tlog-proof text whose extra data are the entry */
  readonly receipt: string
}

/** What is on record about one subject, with everything that it takes to judge it. */
export interface Evidence {
  readonly format: EvidenceFormat
  readonly subject: string
  readonly vkey: string
  /** that all receipts are against */
  readonly checkpoint: Checkpoint
  /** RFC 3339 UTC, to the second */
  readonly made: string
  /** in index order, each list */
  readonly events: readonly ProvedEntry[]
  readonly keys: readonly ProvedEntry[]
  readonly catalogues: readonly ProvedEntry[]
  /** files of the catalogues by SHA-256 */
  readonly blobs: ReadonlyMap<string, string>
}

/** Evidence can't be made, or proves nothing; says in a sentence why. */
export class EvidenceRefused extends Error {
  override readonly name = 'EvidenceRefused'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

/** Evidence of a later version than this one: whether it is good is not known. */
export class EvidenceNewer extends Error {
  override readonly name = 'EvidenceNewer'
}

/** Evidence was not written; the log and its entries are not to blame. */
export class EvidenceNotWritten extends Error {
  override readonly name = 'EvidenceNotWritten'
}

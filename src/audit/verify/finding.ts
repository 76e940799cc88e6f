import { oneLine } from '../../domain/printable.ts'

/** What can be wrong with a log, by a code that programs can rely on, in the order a report lists them. */
export const findingCodes = {
  checkpoint: 'the checkpoint is no good: malformed, not signed by the log, of another log, or without its witnesses',
  shrunk: 'the log is shorter than it was at the last visit',
  fork: 'the log does not begin with the log of the last visit',
  forked: 'the copy keeps the proof that the log has signed two histories',
  root: 'the entries do not make up the root that the checkpoint signs',
  missing: 'a file that the checkpoint promises is not there',
  framing: 'a bundle is cut off, too long, or holds another number of entries',
  'tile-length': 'a tile has another length than its width says',
  'leaf-hash': 'an entry does not have the hash that its tile says',
  'tile-hash': 'a tile above says another hash than the tile below it has',
  index: 'the index of subjects does not say what the entries say',
  entry: 'an entry is not in the one form that its kind has',
  'received-order': 'an entry was received before the one in front of it',
  beginning: 'the log does not begin with a catalogue and an operator key that vouches for itself',
  operator: 'the first operator key is another one than the auditor was told, or not there',
  'key-entry': 'a registration or revocation of a key was not valid',
  catalogue: 'a catalogue was not valid, not asked for by an operator, or its files are not those it names',
  jws: 'an event is no well-formed JWS',
  'key-unknown': 'an event is signed by a key that was never registered, or not yet',
  'key-revoked': 'an event is signed by a key that was revoked before',
  signature: 'the signature of an event does not fit',
  authority: 'an event is by a sender who was not allowed to send it',
  'unknown-type': 'an event has a type that the catalogue in force did not have',
  'invalid-event': 'an event breaks its schema or a code rule',
  'duplicate-id': 'two events have one sender and id',
  'legal-order': 'an event was not legal in the state of its subject',
  refusal: 'a refusal is not well-formed or can not be',
  'refusal-repeated': 'the same request was refused twice for the same reason within 24 hours',
  operation: 'an operation is not well-formed or can not be',
  'operation-repeated': 'the same token or request is on record twice',
  unjudged: 'entries could not be judged, since there were no rules to judge them by',
} as const

export type FindingCode = keyof typeof findingCodes

export interface Finding {
  readonly code: FindingCode
  /** the entry, or the first entry a tile stands for; null where it is about the log as a whole */
  readonly index: number | null
  /** one sentence */
  readonly cause: string
}

/** Listed of one code; all of them are counted. A log that is bad from end to end has a finding in each entry. */
export const maxListedPerCode = 100
const longestCause = 500

export interface FindingsSnapshot {
  readonly listed: readonly Finding[]
  readonly counts: Readonly<Record<string, number>>
}

/** Findings of the whole log, bounded. */
export class Findings {
  readonly #listed: Finding[]
  readonly #counts: Map<FindingCode, number>

  constructor(snapshot?: FindingsSnapshot) {
    this.#listed = [...(snapshot?.listed ?? [])]
    this.#counts = new Map()
    for (const [code, count] of Object.entries(snapshot?.counts ?? {})) if (isFindingCode(code)) this.#counts.set(code, count)
  }

  add({ code, index, cause }: Finding): void {
    const count = (this.#counts.get(code) ?? 0) + 1
    this.#counts.set(code, count)
    if (count <= maxListedPerCode) this.#listed.push({ code, index, cause: told(cause) })
  }

  addAll(findings: readonly Finding[]): void {
    for (const finding of findings) this.add(finding)
  }

  /** More of a code than were listed. */
  addCounts(more: Readonly<Record<string, number>>): void {
    for (const [code, count] of Object.entries(more))
      if (isFindingCode(code)) this.#counts.set(code, (this.#counts.get(code) ?? 0) + count)
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** In the order of the log; what is about the log as a whole comes first. */
  snapshot(): FindingsSnapshot {
    const listed = this.#listed.toSorted((a, b) => (a.index ?? -1) - (b.index ?? -1))
    return { listed, counts: Object.fromEntries(this.#counts) }
  }
}

/** Bounded, since a cause may quote what a log under audit holds. */
function told(cause: string): string {
  const line = oneLine(cause)
  return line.length > longestCause ? `${line.slice(0, longestCause)}…` : line
}

function isFindingCode(code: string): code is FindingCode {
  return Object.hasOwn(findingCodes, code)
}

import type { Rules } from '../../catalogue/rules.ts'
import { chinaDate } from '../../domain/fold.ts'
import { KeysInForce } from '../../identity/keys-in-force.ts'
import { hashBytes, leafHash } from '../../log/merkle.ts'
import { subtreeRoot, tileWidth } from '../../log/right-edge.ts'
import { decodeBundle } from '../../log/tile.ts'
import type { RulesChange } from './change.ts'
import { rulesAgain } from './compiled.ts'
import { EntryMalformed, type FormedEntry, type FormedRefusal, readFormedEntry } from './entry-form.ts'
import type { Finding } from './finding.ts'
import { type InForce, judgeEvent } from './judged-event.ts'
import { operationFault } from './judged-operation.ts'
import { refusalFault } from './judged-refusal.ts'
import {
  type DigestTrace,
  type EventTrace,
  foldedData,
  operationMark,
  partitionOf,
  refusalMark,
  type SortedTraces,
  type Spread,
  type StepTrace,
  sortedTraces,
} from './trace.ts'

/** One bundle to judge. */
export interface JudgeJob {
  readonly n: number
  readonly width: number
  readonly bundle: Uint8Array
  /** the level-0 tile beside it; undefined where there is none of the right length */
  readonly tile: Uint8Array | undefined
  /** changes of the rules that this bundle itself brings, in force from the entry after their index */
  readonly changes: readonly RulesChange[]
  /** false where nobody knows keys and rules: then no more than form, place and times are looked at */
  readonly withRules: boolean
}

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

interface Catalogue {
  readonly index: number
  readonly rules: Rules
}

/** Judges bundles, one after another in one thread. What it knows of keys and rules it was told. */
export class Judge {
  readonly #origin: string
  readonly #spread: Spread
  #keys = KeysInForce.none
  #catalogue: Catalogue | undefined
  #catalogues = 0

  constructor(origin: string, spread: Spread) {
    this.#origin = origin
    this.#spread = spread
  }

  async apply(change: RulesChange): Promise<void> {
    if (change.kind === 'key') {
      this.#keys = await this.#keys.apply(JSON.parse(change.entry), change.index)
      return
    }
    this.#catalogue = { index: change.index, rules: rulesAgain(new Map(change.files)) }
    this.#catalogues++
  }

  async judge(job: JudgeJob): Promise<Verdict> {
    const bytes = Buffer.from(job.bundle.buffer, job.bundle.byteOffset, job.bundle.byteLength)
    const entries = decodeBundle(bytes, job.width)
    const first = job.n * tileWidth
    const sheet = new Sheet(first)
    const leaves = Buffer.allocUnsafe(entries.length * hashBytes)
    const changes = [...job.changes]
    for (const [place, entry] of entries.entries()) {
      const index = first + place
      leaves.set(leafHash(entry), place * hashBytes)
      const formed = sheet.read(index, entry)
      if (formed !== undefined && job.withRules) {
        // events, which are nearly all there is, are judged at once
        const judging = this.#judgeEntry(index, formed, sheet)
        if (judging !== undefined) await judging
      }
      while (changes[0]?.index === index) {
        const change = changes.shift()
        if (change !== undefined) await this.apply(change)
      }
    }
    compareTile(first, leaves, job.tile, sheet)
    const root = entries.length === tileWidth ? Uint8Array.from(subtreeRoot(leaves, 0, tileWidth)) : undefined
    return { n: job.n, leaves: Uint8Array.from(leaves), root, ...sheet.result() }
  }

  #judgeEntry(index: number, formed: FormedEntry, sheet: Sheet): Promise<void> | undefined {
    if (formed.kind === 'key' || formed.kind === 'catalogue') return undefined
    if (this.#catalogue === undefined) {
      sheet.unjudged++
      return undefined
    }
    const inForce: InForce = { origin: this.#origin, keys: this.#keys, rules: this.#catalogue.rules }
    const received = new Date(formed.received)
    switch (formed.kind) {
      case 'event':
        this.#judgeEvent(index, formed.jws, received, inForce, sheet)
        return undefined
      case 'refusal':
        this.#judgeRefusal(index, formed.refusal, received, inForce, sheet)
        return undefined
      case 'operation':
        return this.#judgeOperation(index, formed, received, inForce, sheet)
    }
  }

  #judgeRefusal(index: number, refusal: FormedRefusal, received: Date, inForce: InForce, sheet: Sheet): void {
    const fault = refusalFault(refusal, inForce)
    if (fault !== undefined) sheet.add({ code: 'refusal', index, cause: fault })
    this.#trace(sheet, [index, received.getTime(), refusalMark, refusal.digest, refusal.problem])
  }

  async #judgeOperation(
    index: number,
    formed: FormedEntry & { kind: 'operation' },
    received: Date,
    inForce: InForce,
    sheet: Sheet,
  ): Promise<void> {
    const fault = await operationFault(formed, received, inForce)
    if (fault !== undefined) sheet.add({ code: 'operation', index, cause: fault })
    const { digest } = formed.members
    if (typeof digest === 'string') this.#trace(sheet, [index, received.getTime(), operationMark, digest, formed.action])
  }

  #judgeEvent(index: number, jws: string, received: Date, inForce: InForce, sheet: Sheet): void {
    const judged = judgeEvent(jws, received, inForce)
    if ('code' in judged) {
      sheet.add({ ...judged, index })
      return
    }
    const { verified, check } = judged
    const { event, type } = check
    sheet.count(event.type)
    const key = inForce.keys.known(verified.kid)?.registeredAt ?? 0
    this.#trace(sheet, [index, received.getTime(), key, verified.party, event.id])
    const data = foldedData(event.data, type)
    const step: StepTrace = [index, this.#catalogues - 1, event.type, event.subject, verified.party, chinaDate(received), data]
    sheet.trace(this.#spread.partitions + partitionOf(event.subject, this.#spread), step)
  }

  #trace(sheet: Sheet, trace: EventTrace | DigestTrace): void {
    sheet.trace(partitionOf(trace[4], this.#spread), trace)
  }
}

/** What one bundle comes to. */
class Sheet {
  unjudged = 0
  readonly #first: number
  readonly #findings: Finding[] = []
  readonly #days = new Map<string, number>()
  readonly #types = new Map<string, number>()
  readonly #traces = new Map<number, string>()
  #firstReceived: string | undefined
  #lastReceived: string | undefined

  constructor(first: number) {
    this.#first = first
  }

  add(finding: Finding): void {
    this.#findings.push(finding)
  }

  read(index: number, bytes: Buffer): FormedEntry | undefined {
    try {
      const formed = readFormedEntry(bytes)
      this.#see(index, formed)
      return formed
    } catch (error) {
      if (!(error instanceof EntryMalformed)) throw error
      this.add({ code: 'entry', index, cause: error.message })
      return undefined
    }
  }

  #see(index: number, { kind, received }: FormedEntry): void {
    // one form, one length: texts compare as the times they say
    if (this.#lastReceived !== undefined && received < this.#lastReceived)
      this.add(backwards(index, this.#lastReceived, received))
    this.#firstReceived ??= received
    this.#lastReceived = received
    const day = `${received.slice(0, 10)} ${kind}`
    this.#days.set(day, (this.#days.get(day) ?? 0) + 1)
  }

  count(type: string): void {
    this.#types.set(type, (this.#types.get(type) ?? 0) + 1)
  }

  trace(place: number, trace: EventTrace | DigestTrace | StepTrace): void {
    this.#traces.set(place, `${this.#traces.get(place) ?? ''}${JSON.stringify(trace)}\n`)
  }

  result(): Omit<Verdict, 'n' | 'leaves' | 'root'> {
    if (this.unjudged > 0) {
      const cause = `${this.unjudged} entries of this bundle can't be judged: no catalogue is in force`
      this.add({ code: 'unjudged', index: this.#first, cause })
    }
    return {
      findings: this.#findings,
      firstReceived: this.#firstReceived,
      lastReceived: this.#lastReceived,
      days: [...this.#days],
      types: [...this.#types],
      traces: sortedTraces(this.#traces),
      unjudged: this.unjudged,
    }
  }
}

export function backwards(index: number, before: string, received: string): Finding {
  return { code: 'received-order', index, cause: `it was received at ${received}, the entry in front of it at ${before}` }
}

function compareTile(first: number, leaves: Buffer, tile: Uint8Array | undefined, sheet: Sheet): void {
  if (tile === undefined || leaves.equals(tile)) return
  for (let at = 0; at < leaves.length; at += hashBytes) {
    if (leaves.subarray(at, at + hashBytes).equals(tile.subarray(at, at + hashBytes))) continue
    const cause = 'its bytes do not have the hash that stands in its tile'
    sheet.add({ code: 'leaf-hash', index: first + at / hashBytes, cause })
  }
}

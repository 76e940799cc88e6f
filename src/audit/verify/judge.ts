import type { Rules } from '../../catalogue/rules.ts'
import { chinaDate } from '../../domain/fold.ts'
import { KeysInForce } from '../../identity/keys-in-force.ts'
import { hashBytes, leafHash } from '../../log/merkle.ts'
import { subtreeRoot, tileWidth } from '../../log/right-edge.ts'
import { decodeBundle } from '../../log/tile.ts'
import type { RulesChange } from './change.ts'
import { rulesAgain } from './compiled.ts'
import type { FormedEntry, FormedRefusal } from './entry-form.ts'
import { IndexCheck } from './index-check.ts'
import { type InForce, readEvent } from './judged-event.ts'
import { operationFault } from './judged-operation.ts'
import { refusalFault } from './judged-refusal.ts'
import { Sheet } from './sheet.ts'
import {
  type DigestTrace,
  type EventTrace,
  foldedData,
  operationMark,
  partitionOf,
  refusalMark,
  type Spread,
  type StepTrace,
  type TakenIdTrace,
  takenIdMark,
} from './trace.ts'
import type { Verdict } from './verdict.ts'

/** One bundle to judge. */
export interface JudgeJob {
  readonly n: number
  readonly width: number
  readonly bundle: Uint8Array
  /** the level-0 tile beside it; undefined where there is none of the right length */
  readonly tile: Uint8Array | undefined
  /** what the index of subjects says of the entries; undefined where it is not to be compared */
  readonly names: Uint8Array | undefined
  /** changes of the rules that this bundle itself brings, in force from the entry after their index */
  readonly changes: readonly RulesChange[]
  /** false where nobody knows keys and rules: then no more than form, place and times are looked at */
  readonly withRules: boolean
}

/** Some 45 events of the usual size gain what there is to gain; more stay alive for the collector to copy, and 256 of the largest would take 200 MB parsed. */
const maxUnfinishedBytes = 64 * 1024

interface Catalogue {
  readonly index: number
  readonly rules: Rules
}

/** An event that is read and not yet verified. */
interface UnfinishedEvent {
  readonly index: number
  readonly entry: Buffer
  readonly received: Date
  readonly inForce: InForce
  readonly finish: ReturnType<typeof readEvent>
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
    const sheet = new Sheet(first, job.names && new IndexCheck(first, job.names))
    const leaves = Buffer.allocUnsafe(entries.length * hashBytes)
    const changes = [...job.changes]
    // finished before anything that is no event, so that all is written down in the order of the log
    const unfinished: UnfinishedEvent[] = []
    let unfinishedBytes = 0
    for (const [place, entry] of entries.entries()) {
      const index = first + place
      leaves.set(leafHash(entry), place * hashBytes)
      const formed = sheet.read(index, entry)
      if (formed?.kind === 'event') {
        const inForce = job.withRules ? this.#inForce(sheet) : undefined
        if (inForce !== undefined) unfinished.push(unfinishedOf(index, entry, formed, inForce))
        else sheet.seek(index, entry)
        unfinishedBytes += entry.length
        if (unfinishedBytes < maxUnfinishedBytes) continue
      }
      this.#finishAll(unfinished, sheet)
      unfinishedBytes = 0
      if (formed?.kind !== 'event') sheet.seek(index, entry)
      if (formed !== undefined && formed.kind !== 'event' && job.withRules) await this.#judgeOther(index, formed, sheet)
      while (changes[0]?.index === index) {
        const change = changes.shift()
        if (change !== undefined) await this.apply(change)
      }
    }
    this.#finishAll(unfinished, sheet)
    compareTile(first, leaves, job.tile, sheet)
    const root = entries.length === tileWidth ? new Uint8Array(subtreeRoot(leaves, 0, tileWidth)) : undefined
    return { n: job.n, leaves: new Uint8Array(leaves), root, ...sheet.result() }
  }

  /** What holds for the next entry; undefined while there are no rules, which the sheet counts. */
  #inForce(sheet: Sheet): InForce | undefined {
    if (this.#catalogue !== undefined) return { origin: this.#origin, keys: this.#keys, rules: this.#catalogue.rules }
    sheet.unjudged++
    return undefined
  }

  #finishAll(unfinished: UnfinishedEvent[], sheet: Sheet): void {
    for (const event of unfinished) this.#finishEvent(event, sheet)
    unfinished.length = 0
  }

  #finishEvent({ index, entry, received, inForce, finish }: UnfinishedEvent, sheet: Sheet): void {
    const judged = finish()
    if ('code' in judged) {
      sheet.add({ ...judged, index })
      sheet.seek(index, entry)
      return
    }
    const { verified, check } = judged
    const { event, type } = check
    sheet.count(event.type)
    sheet.seek(index, entry, event.subject)
    const key = inForce.keys.known(verified.kid)?.registeredAt ?? 0
    this.#trace(sheet, [index, received.getTime(), key, verified.party, event.id])
    const data = foldedData(event.data, type)
    const step: StepTrace = [index, this.#catalogues - 1, event.type, event.subject, verified.party, chinaDate(received), data]
    sheet.trace(this.#spread.partitions + partitionOf(event.subject, this.#spread), step)
  }

  async #judgeOther(index: number, formed: Exclude<FormedEntry, { kind: 'event' }>, sheet: Sheet): Promise<void> {
    if (formed.kind === 'key' || formed.kind === 'catalogue') return
    const inForce = this.#inForce(sheet)
    if (inForce === undefined) return
    const received = new Date(formed.received)
    if (formed.kind === 'refusal') this.#judgeRefusal(index, formed.refusal, received, inForce, sheet)
    else await this.#judgeOperation(index, formed, received, inForce, sheet)
  }

  #judgeRefusal(index: number, refusal: FormedRefusal, received: Date, inForce: InForce, sheet: Sheet): void {
    const fault = refusalFault(refusal, inForce)
    if (fault !== undefined) sheet.add({ code: 'refusal', index, cause: fault })
    const { digest, problem, party, id } = refusal
    this.#trace(sheet, [index, received.getTime(), refusalMark, digest, problem])
    if (problem === 'duplicate-id' && id !== null) this.#trace(sheet, [index, received.getTime(), takenIdMark, party, id])
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

  /** What is compared with each other is the same in the text that it is spread by. */
  #trace(sheet: Sheet, trace: EventTrace | DigestTrace | TakenIdTrace): void {
    const [, , mark, digest, id] = trace
    sheet.trace(partitionOf(mark === refusalMark || mark === operationMark ? digest : id, this.#spread), trace)
  }
}

function unfinishedOf(index: number, entry: Buffer, formed: FormedEntry & { kind: 'event' }, inForce: InForce): UnfinishedEvent {
  const received = new Date(formed.received)
  return { index, entry, received, inForce, finish: readEvent(formed.jws, received, inForce) }
}

function compareTile(first: number, leaves: Buffer, tile: Uint8Array | undefined, sheet: Sheet): void {
  if (tile === undefined || leaves.equals(tile)) return
  for (let at = 0; at < leaves.length; at += hashBytes) {
    if (leaves.subarray(at, at + hashBytes).equals(tile.subarray(at, at + hashBytes))) continue
    const cause = 'its bytes do not have the hash that stands in its tile'
    sheet.add({ code: 'leaf-hash', index: first + at / hashBytes, cause })
  }
}

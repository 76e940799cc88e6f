import { setTimeout as pause } from 'node:timers/promises'
import type { Text } from '../domain/text.ts'
import { type Appendable, type Appended, changesRules } from './appendable.ts'

/** At most this many items share one commit: more makes the first of them wait too long. */
export const maxBatch = 512
/** Items that may wait in front of the commit: about two seconds of work; beyond it the answer is 503. */
export const maxWaiting = 4096
/** Items of one party that may wait: beyond it the answer is 429, so that one party's flood leaves room for others. */
export const maxWaitingOfParty = 1024

/** A commit that takes longer has a full machine or a slow disk under it. */
const quickMs = 2.5
/** So many items are worth a commit of their own. */
const worthACommit = 8
const mostGatheredMs = 10

/** The queue before the log is full; nothing was stored. */
export class LogBusy extends Error {
  override readonly name = 'LogBusy'
  readonly code: 'overloaded' | 'too-many-requests'
  readonly detail: Text

  constructor(code: 'overloaded' | 'too-many-requests', detail: Text) {
    super(detail.en)
    this.code = code
    this.detail = detail
  }
}

interface Waiting {
  readonly item: Appendable
  readonly party: string
  readonly resolve: (answer: Appended) => void
  readonly reject: (error: unknown) => void
}

type Commit = (batch: readonly Appendable[]) => Promise<readonly Appended[]>

/**
 * Group commit: what arrives while a commit is under way shares the next one, and where not all fit, parties take turns. Where commits
 * are slow, few items wait for more as long as the last commit took: most of a commit costs the same whatever is in it.
 *
 * A change of the rules is committed alone and keeps its place, so that what was queued behind it is judged by it.
 */
export class GroupCommit {
  readonly #commit: Commit
  readonly #closeCommit: () => Promise<void>
  #waiting: Waiting[] = []
  readonly #ofParty = new Map<string, number>()
  #running: Promise<void> | undefined
  #closed = false

  /**
   * @param commit makes a batch durable; when it throws, nobody knows whether it did
   * @param closeCommit gives back what commit holds, once it is needed no more
   */
  constructor(commit: Commit, closeCommit: () => Promise<void> = () => Promise.resolve()) {
    this.#commit = commit
    this.#closeCommit = closeCommit
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * @returns when the item is durable, or refused for good
   * @throws {LogBusy} when the queue is full or closing; whatever the database threw, when the commit failed
   */
  append(item: Appendable): Promise<Appended> {
    const party = item.kind === 'event' ? item.verified.party : item.party
    const ofParty = this.#ofParty.get(party) ?? 0
    if (this.#closed) return Promise.reject(new LogBusy('overloaded', closing))
    if (this.#waiting.length >= maxWaiting) return Promise.reject(new LogBusy('overloaded', full))
    if (ofParty >= maxWaitingOfParty) return Promise.reject(new LogBusy('too-many-requests', fullOfParty))
    this.#ofParty.set(party, ofParty + 1)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, party, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Takes nothing more and returns when all that was taken is answered. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    await this.#closeCommit()
  }

  async #run(): Promise<void> {
    // one turn of the event loop, so that what arrived together is committed together
    await new Promise((resolve) => setImmediate(resolve))
    for (let lastMs = 0; this.#waiting.length > 0; ) {
      if (lastMs > quickMs && this.#waiting.length < worthACommit) await pause(Math.min(lastMs, mostGatheredMs))
      const began = performance.now()
      await this.#commitNext()
      lastMs = performance.now() - began
    }
    this.#running = undefined
  }

  async #commitNext(): Promise<void> {
    const batch = this.#takeBatch()
    try {
      const answers = await this.#commit(batch.map(({ item }) => item))
      for (const [i, { resolve, reject }] of batch.entries()) {
        const answer = answers[i]
        if (answer === undefined) reject(new Error('the commit left an item without an answer'))
        else resolve(answer)
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  #takeBatch(): Waiting[] {
    const firstChange = this.#waiting.findIndex(({ item }) => changesRules(item))
    const alike = firstChange === -1 ? this.#waiting : this.#waiting.slice(0, Math.max(firstChange, 1))
    const batch = fairShare(alike, maxBatch)
    const taken = new Set(batch)
    this.#waiting = this.#waiting.filter((waiting) => !taken.has(waiting))
    for (const { party } of batch) {
      const left = (this.#ofParty.get(party) ?? 1) - 1
      if (left === 0) this.#ofParty.delete(party)
      else this.#ofParty.set(party, left)
    }
    return batch
  }
}

/**
 * At most so many of what waits: all parties in turn, each in its own order, so that one party's flood holds up nobody else.
 *
 * @see max-min fairness
 */
function fairShare(waiting: readonly Waiting[], most: number): Waiting[] {
  if (waiting.length <= most) return [...waiting]
  const lanes = new Map<string, Waiting[]>()
  for (const one of waiting) {
    const lane = lanes.get(one.party)
    if (lane === undefined) lanes.set(one.party, [one])
    else lane.push(one)
  }
  const share: Waiting[] = []
  for (let turn = 0; share.length < most; turn++)
    for (const lane of lanes.values()) {
      const one = lane[turn]
      if (one !== undefined && share.length < most) share.push(one)
    }
  return share
}

const closing: Text = {
  en: 'this gateway is stopping; send the same request again, to another gateway or a little later',
  zh: '本网关正在停止；请向其他网关或稍后重发同一请求',
}
const full: Text = {
  en: 'too much waits for the log; nothing was stored, send the same request again a little later',
  zh: '等待写入日志的内容过多；未保存任何内容，请稍后重发同一请求',
}
const fullOfParty: Text = {
  en: `more than ${maxWaitingOfParty} requests of yours wait for the log; send fewer at once`,
  zh: `贵方等待写入的请求超过 ${maxWaitingOfParty} 个；请减少并发`,
}

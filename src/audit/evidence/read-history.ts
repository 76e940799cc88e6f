import type { KeyObject } from 'node:crypto'
import { createPublicKey } from 'node:crypto'
import { chinaDate, foldState } from '../../domain/fold.ts'
import type { SubjectState } from '../../domain/order.ts'
import { RefusedRequest } from '../../domain/refusal.ts'
import type { RegisteredKey } from '../../identity/keys-in-force.ts'
import { rulesAgain } from '../verify/compiled.ts'
import { type FormedEntry, readFormedEntry } from '../verify/entry-form.ts'
import { judgeEvent } from '../verify/judged-event.ts'
import { Timeline } from '../verify/timeline.ts'
import type { Evidence, ProvedEntry } from './evidence.ts'
import type { History, ToldEvent, ToldRules } from './history.ts'

/**
 * Judges evidence as a verification judges the log, entry after entry in its order: each key by the key that vouches for it, each change
 * of the rules by the operator's request, each event by the keys and rules in force.
 *
 * @param operator thumbprint of the first operator's key, where the auditor was told it
 */
export async function readHistory(evidence: Evidence, operator?: string): Promise<History> {
  const { events, keys, catalogues } = evidence
  const told = new Told(evidence, operator)
  const all = [
    ...catalogues.map((entry) => ({ ...entry, take: () => told.takeChange(entry, 'catalogue') })),
    ...keys.map((entry) => ({ ...entry, take: () => told.takeChange(entry, 'key') })),
    ...events.map((entry) => ({ ...entry, take: () => told.takeEvent(entry) })),
  ].sort((a, b) => a.index - b.index)
  for (const { index, take } of all) {
    try {
      await take()
    } catch (error) {
      const fault =
        error instanceof RefusedRequest ? error.refusal.detail.en : error instanceof Error ? error.message : String(error)
      told.faults.push(`entry ${index}: ${fault}`)
    }
  }
  return told.history()
}

class Told {
  readonly #subject: string
  readonly #origin: string
  readonly #timeline: Timeline
  readonly events: ToldEvent[] = []
  readonly rules: ToldRules[] = []
  readonly faults: string[] = []
  readonly #states = new Map<string, SubjectState>()
  /** index by sender and id */
  readonly #ids = new Map<string, number>()
  #before: { readonly index: number; readonly received: string } | undefined

  constructor({ subject, checkpoint, keys, catalogues, blobs }: Evidence, operator: string | undefined) {
    this.#subject = subject
    this.#origin = checkpoint.origin
    this.#timeline = new Timeline({
      origin: checkpoint.origin,
      operator,
      compile: rulesAgain,
      blob: async (digest) => blobOf(blobs, digest),
      // other subjects' events are not here: `audit verify` knows them all
      typesUsed: async () => new Set(this.events.map(({ payload }) => String(payload.type))),
      found: ({ index, cause }) => this.faults.push(`entry ${index}: ${cause}`),
    })
    if (catalogues[0]?.index !== 0 || keys[0]?.index !== 1)
      this.faults.push("it lacks the log's beginning: the catalogue at index 0 and the first operator's key at index 1")
  }

  history(): History {
    const { keys, operator } = this.#timeline
    const toldKeys = keys
      .history()
      .map(({ key, registeredAt, revoked }) => ({ index: registeredAt, key, revoked, pem: pemOf(key) }))
    return { origin: this.#origin, operator, events: this.events, keys: toldKeys, rules: this.rules, faults: this.faults }
  }

  async takeChange({ index, bytes }: ProvedEntry, kind: 'key' | 'catalogue'): Promise<void> {
    const formed = readFormedEntry(bytes)
    if (formed.kind !== kind) throw new Error(`it is no ${kind}`)
    this.#expectLater(index, formed.received)
    const taken = await this.#timeline.take(index, bytes)
    const { rules, keys } = this.#timeline
    if (taken?.change.kind !== 'catalogue' || rules === undefined) return
    const { reason = '', kid = '' } = taken.request ?? {}
    const known = keys.known(kid)
    const asked = known && { reason, key: known.key, keyIndex: known.registeredAt }
    this.rules.push({ index, received: formed.received, version: rules.catalogue.version, asked })
  }

  async takeEvent({ index, bytes }: ProvedEntry): Promise<void> {
    const { received, jws } = eventOf(readFormedEntry(bytes))
    this.#expectLater(index, received)
    const { keys, rules } = this.#timeline
    if (rules === undefined) throw new Error('no catalogue was in force')
    const at = new Date(received)
    const judged = judgeEvent(jws, at, { origin: this.#origin, keys, rules })
    if ('code' in judged) throw new Error(judged.cause)
    const { verified, check } = judged
    const { event, type } = check
    if (event.subject !== this.#subject) throw new Error(`it is about ${event.subject}, not about ${this.#subject}`)
    const name = JSON.stringify([verified.party, event.id])
    const before = this.#ids.get(name)
    if (before !== undefined) throw new Error(`${verified.party} has sent an event with its id at entry ${before} already`)
    this.#ids.set(name, index)
    const known = keys.known(verified.kid)
    if (known === undefined) throw new Error(`its key ${verified.kid} is not here`)
    const step = { sender: verified.party, data: event.data }
    const after = foldState(this.#states.get(type.kind.id), step, type.kind, type.type.order, chinaDate(at))
    if ('refused' in after)
      throw new Error(`it is out of legal order, so an event before it is missing: ${after.refused.detail.en}`)
    this.#states.set(type.kind.id, after.state)
    const { party, payload } = verified
    this.events.push({ index, received, payload, party, key: known.key, keyIndex: known.registeredAt, rules })
  }

  /** The log's time never runs backwards. */
  #expectLater(index: number, received: string): void {
    const before = this.#before
    this.#before = { index, received }
    if (before !== undefined && received < before.received)
      this.faults.push(
        `entry ${index}: it was received at ${received}, and entry ${before.index} in front of it at ${before.received}`,
      )
  }
}

function eventOf(formed: FormedEntry): FormedEntry & { readonly kind: 'event' } {
  if (formed.kind !== 'event') throw new Error('it is no event')
  return formed
}

function blobOf(blobs: Evidence['blobs'], digest: string): Buffer {
  const content = blobs.get(digest)
  if (content === undefined) throw new Error(`the catalogue's file ${digest} is not here`)
  return Buffer.from(content)
}

function pemOf({ jwk }: RegisteredKey): string {
  const key: KeyObject = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  return key.export({ type: 'spki', format: 'pem' }).toString()
}

import type { KeyObject } from 'node:crypto'
import { createPublicKey } from 'node:crypto'
import { loadRules } from '../../catalogue/compile.ts'
import type { Rules } from '../../catalogue/rules.ts'
import { chinaDate, foldState } from '../../domain/fold.ts'
import type { SubjectState } from '../../domain/order.ts'
import { RefusedRequest } from '../../domain/refusal.ts'
import { isJsonObject, type JsonObject } from '../../domain/text.ts'
import { readKeyEntry } from '../../identity/key-entry.ts'
import { auditMaxAgeSeconds, verifyKeyEntry } from '../../identity/key-proof.ts'
import { KeysInForce, type RegisteredKey } from '../../identity/keys-in-force.ts'
import { judgeEvent } from '../verify/judged-event.ts'
import type { Evidence, ProvedEntry } from './evidence.ts'

/** One event of a subject, judged by the keys and rules that were in force at its index. */
export interface ToldEvent {
  readonly index: number
  readonly received: string
  readonly payload: JsonObject
  readonly party: string
  readonly key: RegisteredKey
  /** index of the entry that registered the key */
  readonly keyIndex: number
  readonly rules: Rules
}

export interface ToldKey {
  readonly index: number
  readonly key: RegisteredKey
  readonly pem: string
}

/** What the entries of evidence say, and what is wrong with them. */
export interface History {
  readonly origin: string
  readonly events: readonly ToldEvent[]
  readonly keys: readonly ToldKey[]
  /** in sentences; none when every event was signed, allowed, valid and in order */
  readonly faults: readonly string[]
}

/** Judges evidence by the gateway's own functions, entry after entry in the order of the log. */
export async function readHistory({ subject, checkpoint, events, keys, catalogues, blobs }: Evidence): Promise<History> {
  const told = new Told(subject, checkpoint.origin)
  const all = [
    ...catalogues.map((entry) => ({ ...entry, take: () => told.takeCatalogue(entry, blobs) })),
    ...keys.map((entry) => ({ ...entry, take: () => told.takeKey(entry) })),
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
  return { origin: checkpoint.origin, events: told.events, keys: told.keys, faults: told.faults }
}

class Told {
  readonly #subject: string
  readonly #origin: string
  readonly events: ToldEvent[] = []
  readonly keys: ToldKey[] = []
  readonly faults: string[] = []
  readonly #states = new Map<string, SubjectState>()
  #inForce = KeysInForce.none
  #files: ReadonlyMap<string, string> | undefined
  #rules: Rules | undefined

  constructor(subject: string, origin: string) {
    this.#subject = subject
    this.#origin = origin
  }

  async takeCatalogue({ bytes }: ProvedEntry, blobs: ReadonlyMap<string, string>): Promise<void> {
    const { kind, files } = entryOf(bytes)
    if (kind !== 'catalogue' || !isJsonObject(files)) throw new Error('it is no catalogue')
    this.#rules = undefined
    this.#files = new Map(
      Object.entries(files).map(([name, digest]) => {
        const content = blobs.get(String(digest))
        if (content === undefined) throw new Error(`the catalogue's file ${name} (${String(digest)}) is not here`)
        return [name, content] as const
      }),
    )
  }

  async takeKey({ index, bytes }: ProvedEntry): Promise<void> {
    const { received, ...said } = entryOf(bytes)
    const entry = readKeyEntry(said)
    const { parties } = this.#inForceRules()
    await verifyKeyEntry(entry, this.#inForce, {
      log: this.#origin,
      roleOf: (party) => parties.get(party)?.role,
      now: new Date(String(received)),
      maxAgeSeconds: auditMaxAgeSeconds,
    })
    this.#inForce = await this.#inForce.apply(entry, index)
    const key = this.#inForce.find(entry.kid)
    if (key !== undefined && entry.action === 'register') this.keys.push({ index, key, pem: pemOf(key) })
  }

  async takeEvent({ index, bytes }: ProvedEntry): Promise<void> {
    const { received, jws } = entryOf(bytes)
    if (typeof jws !== 'string' || typeof received !== 'string') throw new Error('it is no event')
    const rules = this.#inForceRules()
    const at = new Date(received)
    const judged = await judgeEvent(jws, at, { origin: this.#origin, keys: this.#inForce, rules })
    if ('code' in judged) throw new Error(judged.cause)
    const { verified, check } = judged
    const { event, type } = check
    if (event.subject !== this.#subject) throw new Error(`it is about ${event.subject}, not about ${this.#subject}`)
    const known = this.#inForce.known(verified.kid)
    if (known === undefined) throw new Error(`its key ${verified.kid} is not here`)
    const step = { sender: verified.party, data: event.data }
    const after = foldState(this.#states.get(type.kind.id), step, type.kind, type.type.order, chinaDate(at))
    if ('refused' in after)
      throw new Error(`it is out of legal order, so an event before it is missing: ${after.refused.detail.en}`)
    this.#states.set(type.kind.id, after.state)
    const { party, payload } = verified
    this.events.push({ index, received, payload, party, key: known.key, keyIndex: known.registeredAt, rules })
  }

  /** Compiled when the first entry asks for it: not every catalogue there ever was is needed. */
  #inForceRules(): Rules {
    if (this.#files === undefined) throw new Error('no catalogue was in force')
    this.#rules ??= loadRules(this.#files)
    return this.#rules
  }
}

function entryOf(bytes: Buffer): JsonObject {
  const value: unknown = JSON.parse(bytes.toString('utf8'))
  if (!isJsonObject(value)) throw new Error('it is no JSON object')
  return value
}

function pemOf({ jwk }: RegisteredKey): string {
  const key: KeyObject = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  return key.export({ type: 'spki', format: 'pem' }).toString()
}

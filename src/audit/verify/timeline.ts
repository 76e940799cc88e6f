import type { Catalogue } from '../../catalogue/catalogue.ts'
import type { Rules } from '../../catalogue/rules.ts'
import { RefusedRequest } from '../../domain/refusal.ts'
import type { KeyEntry } from '../../identity/key-entry.ts'
import { auditMaxAgeSeconds, verifyKeyEntry } from '../../identity/key-proof.ts'
import { KeysInForce } from '../../identity/keys-in-force.ts'
import type { Operation } from '../../identity/operation-request.ts'
import { thumbprint } from '../../identity/public-key.ts'
import type { RulesChange } from './change.ts'
import { rulesAgain } from './compiled.ts'
import { type FormedCatalogue, readFormedEntry } from './entry-form.ts'
import type { Finding, FindingCode } from './finding.ts'
import { CatalogueUnfounded, type Compile, expectFollowable, requestOf, rulesNamed } from './judged-catalogue.ts'
import type { Doubt } from './second-look.ts'

export interface TimelineMeans {
  readonly origin: string
  /** thumbprint of the first operator's key, where the auditor was told it */
  readonly operator: string | undefined
  readonly compile: Compile
  blob(digest: string): Promise<Buffer>
  /** types of the events in every entry before the one that is being looked at */
  typesUsed(): Promise<ReadonlySet<string>>
  found(finding: Finding): void
}

export interface TakenChange {
  readonly change: RulesChange
  /** the operator's, for a catalogue after the first */
  readonly request: Operation | undefined
}

/** Keys and rules as the log's own entries tell them, each verified before it counts. */
export class Timeline {
  readonly #means: TimelineMeans
  #keys = KeysInForce.none
  #rules: Rules | undefined
  readonly #catalogues: Catalogue[] = []
  readonly #requests = new Set<string>()
  #operator: string | undefined

  constructor(means: TimelineMeans) {
    this.#means = means
  }

  /** After the entries that were taken so far. */
  get keys(): KeysInForce {
    return this.#keys
  }

  get rules(): Rules | undefined {
    return this.#rules
  }

  get catalogues(): readonly Catalogue[] {
    return this.#catalogues
  }

  /** Thumbprint of the key at index 1. */
  get operator(): string | undefined {
    return this.#operator
  }

  /** What holders of keys have said of them. */
  get doubts(): readonly Doubt[] {
    return this.#keys.history().flatMap(({ key, registeredAt, revoked }) => {
      const since = revoked?.compromisedSince
      if (revoked === undefined || since === undefined) return []
      return [{ kid: key.kid, party: key.party, registeredAt, revokedAt: revoked.index, since }]
    })
  }

  get keyCount(): number {
    return this.#keys.history().length
  }

  /** Takes a change that was verified before, as a work file kept it. */
  async again(change: RulesChange, jti: string | undefined): Promise<void> {
    if (change.kind === 'catalogue') this.#enact(rulesAgain(new Map(change.files)))
    else {
      const entry: unknown = JSON.parse(change.entry)
      this.#keys = await this.#keys.apply(entry, change.index)
      if (change.index === 1) this.#operator = this.#keys.history()[0]?.key.thumbprint
    }
    if (jti !== undefined) this.#requests.add(jti)
  }

  /**
   * Looks at an entry that says to be a key or a catalogue, or stands at the log's beginning.
   *
   * @returns undefined when it changes nothing, or is not valid
   */
  async take(index: number, bytes: Buffer): Promise<TakenChange | undefined> {
    const formed = attempt(() => readFormedEntry(bytes))
    const beginning = ['catalogue', 'key'][index]
    if (beginning !== undefined && formed?.kind !== beginning) {
      const what = index === 0 ? 'a catalogue' : "the first operator's key"
      this.#find('beginning', index, `index ${index} holds ${what}, not ${formed?.kind ?? 'something malformed'}`)
    }
    if (formed?.kind === 'key') return this.#takeKey(index, bytes, formed.entry, new Date(formed.received))
    if (formed?.kind === 'catalogue') return this.#takeCatalogue(index, formed.catalogue, new Date(formed.received))
    return undefined
  }

  async #takeKey(index: number, bytes: Buffer, entry: KeyEntry, received: Date): Promise<TakenChange | undefined> {
    if (index === 1) this.#expectOperator(entry)
    const rules = this.#rules
    const roleOf = (party: string) => rules?.parties.get(party)?.role
    try {
      const proof = { log: this.#means.origin, roleOf, now: received, maxAgeSeconds: auditMaxAgeSeconds }
      await verifyKeyEntry(entry, this.#keys, proof)
      this.#keys = await this.#keys.apply(entry, index)
    } catch (error) {
      const cause = error instanceof RefusedRequest ? error.refusal.detail.en : messageOf(error)
      return this.#find('key-entry', index, `${entry.action} ${entry.kid} of ${entry.party}: ${cause}`)
    }
    return { change: { kind: 'key', index, entry: bytes.toString('utf8') }, request: undefined }
  }

  #expectOperator(entry: KeyEntry): void {
    if (entry.action !== 'register') {
      this.#find('beginning', 1, 'index 1 revokes a key before there is one')
      return
    }
    this.#operator = thumbprint(entry.jwk)
    const { operator } = this.#means
    if (operator !== undefined && operator !== this.#operator)
      this.#find('operator', 1, `the first operator key has the thumbprint ${this.#operator}, but --operator says ${operator}`)
  }

  async #takeCatalogue(index: number, entry: FormedCatalogue, received: Date): Promise<TakenChange | undefined> {
    try {
      const rules = await rulesNamed(entry, this.#means.blob, this.#means.compile)
      const request = await this.#changeOf(index, entry, received, rules)
      this.#enact(rules)
      if (request !== undefined) this.#requests.add(request.jti)
      return { change: { kind: 'catalogue', index, files: [...rules.files] }, request }
    } catch (error) {
      if (!(error instanceof CatalogueUnfounded)) throw error
      return this.#find('catalogue', index, error.message)
    }
  }

  /** @returns whose request it was; undefined for the first catalogue, which nobody could ask for yet */
  async #changeOf(index: number, entry: FormedCatalogue, received: Date, next: Rules): Promise<Operation | undefined> {
    if (index === 0) {
      if (entry.request !== undefined)
        this.#find('catalogue', index, 'it carries a request, but at index 0 nobody could sign yet')
      return undefined
    }
    const rules = this.#rules
    if (rules === undefined) throw new CatalogueUnfounded('no rules were in force before it by which anybody could ask for it')
    const before = { index, origin: this.#means.origin, keys: this.#keys, rules }
    const request = await requestOf(entry, received, before)
    if (this.#requests.has(request.jti)) throw new CatalogueUnfounded('its request was carried out before')
    await expectFollowable(next, before, this.#means.typesUsed)
    return request
  }

  #enact(rules: Rules): void {
    this.#rules = rules
    this.#catalogues.push(rules.catalogue)
  }

  #find(code: FindingCode, index: number, cause: string): undefined {
    this.#means.found({ code, index, cause })
    return undefined
  }
}

function attempt<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch {
    return undefined // whoever judges the bundle says what is wrong with it
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

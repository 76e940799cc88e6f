import { createHash } from 'node:crypto'
import type { Catalogue } from '../../catalogue/catalogue.ts'
import { catalogueDigests, catalogueName, isFileName, maxFileBytes, maxFiles } from '../../catalogue/load.ts'
import { CatalogueInvalid, type Rules } from '../../catalogue/rules.ts'
import { RefusedRequest } from '../../domain/refusal.ts'
import type { KeyEntry } from '../../identity/key-entry.ts'
import { auditMaxAgeSeconds, verifyKeyEntry } from '../../identity/key-proof.ts'
import { KeysInForce } from '../../identity/keys-in-force.ts'
import { type Operation, openOperation } from '../../identity/operation-request.ts'
import { thumbprint } from '../../identity/public-key.ts'
import { applyCatalogue, isInForce } from '../../log/catalogue-append.ts'
import { changeFaults, typesLost } from '../../log/catalogue-change.ts'
import type { RulesChange } from './change.ts'
import { compiledRules, rulesAgain } from './compiled.ts'
import { type FormedCatalogue, readFormedEntry } from './entry-form.ts'
import type { Finding, FindingCode } from './finding.ts'
import { momentsOf } from './moment.ts'
import type { Doubt } from './second-look.ts'

export interface TimelineMeans {
  readonly origin: string
  /** thumbprint of the first operator's key, where the auditor was told it */
  readonly operator: string | undefined
  blob(digest: string): Promise<Buffer>
  /** events by type, of every entry before the one that is being looked at */
  typesUsed(): Promise<ReadonlySet<string>>
  found(finding: Finding): void
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
   * @returns the change and the request it came by, if it is valid
   */
  async take(index: number, bytes: Buffer): Promise<{ change: RulesChange; jti: string | undefined } | undefined> {
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

  async #takeKey(index: number, bytes: Buffer, entry: KeyEntry, received: Date) {
    if (index === 1) this.#expectOperator(entry)
    const rules = this.#rules
    const roleOf = (party: string) => rules?.parties.get(party)?.role
    try {
      await verifyKeyEntry(entry, this.#keys, {
        log: this.#means.origin,
        roleOf,
        now: received,
        maxAgeSeconds: auditMaxAgeSeconds,
      })
      this.#keys = await this.#keys.apply(entry, index)
    } catch (error) {
      const cause = error instanceof RefusedRequest ? error.refusal.detail.en : messageOf(error)
      return this.#find('key-entry', index, `${entry.action} ${entry.kid} of ${entry.party}: ${cause}`)
    }
    return { change: { kind: 'key', index, entry: bytes.toString('utf8') }, jti: undefined } as const
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

  async #takeCatalogue(index: number, entry: FormedCatalogue, received: Date) {
    const rules = await this.#compiled(index, entry)
    if (rules === undefined) return undefined
    const before = this.#rules
    const request = await this.#requestOf(index, entry, received)
    if (index > 0 && request === undefined) return undefined
    if (before !== undefined && index > 0) {
      const inForce = { index, keys: this.#keys, rules: before, catalogues: [] }
      const lost = typesLost(before, rules)
      const used = lost.length === 0 ? new Set<string>() : await this.#means.typesUsed()
      const [fault] = changeFaults(
        before,
        rules,
        lost.filter((type) => used.has(type)),
        this.#keys,
      )
      if (fault !== undefined) return this.#find('catalogue', index, fault)
      if (isInForce(rules, inForce)) return this.#find('catalogue', index, 'its files were in force already')
    }
    this.#enact(rules)
    if (request !== undefined) this.#requests.add(request.jti)
    return { change: { kind: 'catalogue', index, files: [...rules.files] }, jti: request?.jti } as const
  }

  #enact(rules: Rules): void {
    this.#rules = rules
    this.#catalogues.push(rules.catalogue)
  }

  async #compiled(index: number, { files, rules: version }: FormedCatalogue): Promise<Rules | undefined> {
    const names = Object.keys(files)
    if (names.length > maxFiles + 1) return this.#find('catalogue', index, `it names ${names.length} files`)
    if (names.some((name, i) => !isFileName(name) || (i > 0 && name <= (names[i - 1] ?? ''))))
      return this.#find('catalogue', index, 'its file names are not sorted, or one of them is none that a catalogue can have')
    const contents = new Map<string, string>()
    for (const [name, digest] of Object.entries(files)) {
      const content = await this.#means.blob(digest)
      if (content.length > maxFileBytes || createHash('sha256').update(content).digest('hex') !== digest)
        return this.#find('catalogue', index, `the file that was given for ${name} does not have the digest ${digest}`)
      contents.set(name, content.toString('utf8'))
    }
    const ordered = new Map([[catalogueName, contents.get(catalogueName) ?? ''], ...contents])
    if (!contents.has(catalogueName)) return this.#find('catalogue', index, `it has no ${catalogueName}`)
    try {
      const rules = compiledRules(ordered)
      if (rules.catalogue.rules !== version)
        return this.#find('catalogue', index, `it says rules "${version}", its file "${rules.catalogue.rules}"`)
      if (JSON.stringify(catalogueDigests(rules.files)) !== JSON.stringify(files))
        return this.#find('catalogue', index, 'a file of it is no UTF-8')
      return rules
    } catch (error) {
      if (!(error instanceof CatalogueInvalid)) throw error
      return this.#find('catalogue', index, error.faults[0] ?? error.message)
    }
  }

  async #requestOf(index: number, { files, request }: FormedCatalogue, received: Date): Promise<Operation | undefined> {
    if (index === 0) {
      if (request !== undefined) this.#find('catalogue', index, 'it carries a request, but at index 0 nobody could sign yet')
      return undefined
    }
    if (request === undefined) return this.#find('catalogue', index, "it carries no operator's request")
    const operation = await this.#openRequest(request, received)
    if (typeof operation === 'string') return this.#find('catalogue', index, `its request: ${operation}`)
    if (JSON.stringify(operation.payload.files) !== JSON.stringify(files))
      return this.#find('catalogue', index, 'the operator asked for other files')
    if (this.#requests.has(operation.jti)) return this.#find('catalogue', index, 'its request was carried out before')
    return operation
  }

  async #openRequest(request: string, received: Date): Promise<Operation | string> {
    const roleOf = (party: string) => this.#rules?.parties.get(party)?.role
    let cause = ''
    for (const now of momentsOf(received)) {
      try {
        return await openOperation(request, applyCatalogue, this.#keys, { log: this.#means.origin, roleOf, now })
      } catch (error) {
        if (!(error instanceof RefusedRequest)) throw error
        cause ||= error.refusal.detail.en
      }
    }
    return cause
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

import { hash } from 'node:crypto'
import { type KeyEntry, readKeyEntry } from './key-entry.ts'
import { importPublicKey, type PublicKey } from './public-key.ts'

export interface RegisteredKey extends PublicKey {
  readonly party: string
  readonly kid: string
}

export interface Revocation {
  /** of the log */
  readonly index: number
  readonly reason: string
  /** RFC 3339; what the key signed since then is in doubt, and stays in the log */
  readonly compromisedSince: string | undefined
}

/** A key's life, as the log tells it. */
export interface KeyHistory {
  readonly key: RegisteredKey
  readonly registeredAt: number
  readonly revoked: Revocation | undefined
}

/**
 * The keys that sign for the parties, folded from the log's `key` entries in index order. Immutable: what was decided
 * with one stays comparable with the next. A kid, and a key, is registered once in the whole log.
 */
export class KeysInForce {
  static readonly none = new KeysInForce(new Map(), new Map())
  readonly #byKid: ReadonlyMap<string, KeyHistory>

  /** index of each entry by the digest of its proof, which may be long */
  readonly #byProof: ReadonlyMap<string, number>

  private constructor(byKid: ReadonlyMap<string, KeyHistory>, byProof: ReadonlyMap<string, number>) {
    this.#byKid = byKid
    this.#byProof = byProof
  }

  /** The key, unless it is revoked or was never registered. */
  find(kid: string): RegisteredKey | undefined {
    const known = this.#byKid.get(kid)
    return known?.revoked === undefined ? known?.key : undefined
  }

  ofParty(party: string): readonly RegisteredKey[] {
    return this.history(party).flatMap(({ key, revoked }) => (revoked === undefined ? [key] : []))
  }

  /** Every key a party ever had, oldest first; without a party, every key. */
  history(party?: string): readonly KeyHistory[] {
    return [...this.#byKid.values()].filter(({ key }) => party === undefined || key.party === party)
  }

  /** In force or not. */
  known(kid: string): KeyHistory | undefined {
    return this.#byKid.get(kid)
  }

  /** Whether this very key was registered before, under whatever kid, in force or not. */
  knowsThumbprint(thumbprint: string): boolean {
    return this.history().some(({ key }) => key.thumbprint === thumbprint)
  }

  /**
   * The entry that came of this very proof.
   *
   * @param proof compact JWS
   */
  indexOf(proof: string): number | undefined {
    return this.#byProof.get(digestOf(proof))
  }

  /**
   * The keys after one more entry. It trusts the entry's proof: that was verified before the entry was appended, and an
   * auditor verifies it again (`verifyKeyEntry`).
   *
   * @param entry a `key` entry as parsed JSON
   * @throws {Error} for what no verified entry can say; the log has been tampered with
   */
  async apply(entry: unknown, index: number): Promise<KeysInForce> {
    const change = readKeyEntry(entry)
    const history = await this.#changed(change, index)
    return new KeysInForce(
      new Map(this.#byKid).set(change.kid, history),
      new Map(this.#byProof).set(digestOf(change.proof), index),
    )
  }

  async #changed(change: KeyEntry, index: number): Promise<KeyHistory> {
    const known = this.#byKid.get(change.kid)
    if (change.action === 'register') {
      if (known !== undefined) throw new Error(`entry ${index} registers the kid ${change.kid} a second time`)
      const key = importPublicKey(change.jwk)
      return { key: { ...key, party: change.party, kid: change.kid }, registeredAt: index, revoked: undefined }
    }
    if (known === undefined || known.revoked !== undefined || known.key.party !== change.party)
      throw new Error(`entry ${index} revokes ${change.kid} of ${change.party}, which is no key in force`)
    return { ...known, revoked: { index, reason: change.reason, compromisedSince: change.compromisedSince } }
  }
}

const digestOf = (proof: string) => hash('sha256', proof, 'base64')

import type { ProblemCode } from '../domain/problems.ts'
import type { JsonObject } from '../domain/text.ts'
import type { KeyEntry } from '../identity/key-entry.ts'

// The leaves of the log. Field order is part of the format: what is hashed is JSON.stringify of these, without spaces.
// Every entry's text is free of line breaks, since JSON escapes them; the append relies on it.

/** A request whose signature was good and that was refused all the same. */
export interface RefusalEntry {
  readonly kind: 'refusal'
  readonly received: string
  readonly party: string
  readonly kid: string
  /** null where the payload's member is no string */
  readonly id: string | null
  readonly type: string | null
  readonly status: number
  readonly problem: ProblemCode
  /** SHA-256 of the compact JWS, hex */
  readonly digest: string
}

/** The rules that hold from here on: files by digest. */
export interface CatalogueEntry {
  readonly kind: 'catalogue'
  readonly received: string
  readonly rules: string
  readonly files: Readonly<Record<string, string>>
  /** the operator's signed request; absent at index 0, when nobody could sign yet */
  readonly request?: string
}

/** Something a party did that is on record. */
export type OperationEntry = ReadingEntry | ActEntry

/** An auditor's reading; of the access token its claims are kept, never the token. */
interface ReadingEntry {
  readonly action: string
  readonly party: string
  readonly kid: string
  readonly claims: JsonObject
  /** SHA-256 of the compact token, hex */
  readonly digest: string
}

/** An operator's act. */
interface ActEntry {
  readonly action: string
  readonly party: string
  readonly kid: string
  /** SHA-256 of what was signed, hex: `digestOfSigned` of the request */
  readonly digest: string
  /** compact JWS */
  readonly request: string
}

/** An entry is at most this long: a bundle's length prefix has 16 bits. */
export const maxEntryBytes = 65_535

/** `received` of an entry: RFC 3339, UTC, milliseconds. */
export function receivedText(at: Date): string {
  return at.toISOString()
}

/** Bytes of an accepted event's entry; the compact form is base64url and dots, so it needs no escaping. */
export function eventEntryText(received: string, compact: string): string {
  return `{"kind":"event","received":"${received}","jws":"${compact}"}`
}

export function refusalEntryText(entry: Omit<RefusalEntry, 'kind'>): string {
  const { received, party, kid, id, type, status, problem, digest } = entry
  return JSON.stringify({ kind: 'refusal', received, party, kid, id, type, status, problem, digest })
}

export function catalogueEntryText(entry: Omit<CatalogueEntry, 'kind'>): string {
  const { received, rules, files, request } = entry
  return JSON.stringify({ kind: 'catalogue', received, rules, files, ...(request === undefined ? {} : { request }) })
}

export function keyEntryText(received: string, entry: KeyEntry): string {
  if (entry.action === 'register') {
    const { action, party, kid, jwk, proof } = entry
    return JSON.stringify({ kind: 'key', received, action, party, kid, jwk, proof })
  }
  const { action, party, kid, reason, compromisedSince, proof } = entry
  return JSON.stringify({
    kind: 'key',
    received,
    action,
    party,
    kid,
    reason,
    ...(compromisedSince === undefined ? {} : { compromisedSince }),
    proof,
  })
}

export function operationEntryText(received: string, entry: OperationEntry): string {
  const { action, party, kid, digest } = entry
  const who = { kind: 'operation', received, action, party, kid }
  return JSON.stringify('claims' in entry ? { ...who, claims: entry.claims, digest } : { ...who, digest, request: entry.request })
}

import { isProblemCode, type ProblemCode } from '../../domain/problems.ts'
import { RefusedRequest } from '../../domain/refusal.ts'
import { isJsonObject, type JsonObject } from '../../domain/text.ts'
import type { KeyEntry } from '../../identity/key-entry.ts'
import { readKeyEntry } from '../../identity/key-entry.ts'
import { parseStrictJson } from '../../identity/strict-json.ts'
import { catalogueEntryText, keyEntryText, maxEntryBytes, refusalEntryText } from '../../log/entry.ts'

/** An entry that is in the one form its kind has; what it says is not looked at. */
export type FormedEntry =
  | { readonly kind: 'event'; readonly received: string; readonly jws: string }
  | { readonly kind: 'refusal'; readonly received: string; readonly refusal: FormedRefusal }
  | { readonly kind: 'key'; readonly received: string; readonly entry: KeyEntry }
  | { readonly kind: 'catalogue'; readonly received: string; readonly catalogue: FormedCatalogue }
  | {
      readonly kind: 'operation'
      readonly received: string
      readonly action: string
      readonly party: string
      readonly members: JsonObject
    }

export interface FormedRefusal {
  readonly party: string
  readonly kid: string
  readonly id: string | null
  readonly type: string | null
  readonly status: number
  readonly problem: ProblemCode
  readonly digest: string
}

export interface FormedCatalogue {
  readonly rules: string
  readonly files: Readonly<Record<string, string>>
  readonly request: string | undefined
}

/** The entry is in no form that a log may hold. */
export class EntryMalformed extends Error {
  override readonly name = 'EntryMalformed'
}

const eventStart = '{"kind":"event","received":"'
const receivedEnd = eventStart.length + 24
const jwsStart = '","jws":"'

/**
 * Reads an entry's bytes. What its fields say, written again in their order, must give the very same bytes.
 *
 * @throws {EntryMalformed} in a sentence
 */
export function readFormedEntry(bytes: Buffer): FormedEntry {
  return readEvent(bytes) ?? readOther(bytes)
}

/** The one form of an event needs no parser: a prefix, the time, and a text that is checked as a JWS next. */
function readEvent(bytes: Buffer): FormedEntry | undefined {
  const text = bytes.toString('latin1')
  if (!text.startsWith(eventStart) || !text.startsWith(jwsStart, receivedEnd) || !text.endsWith('"}')) return undefined
  const jws = text.slice(receivedEnd + jwsStart.length, -2)
  // a quote in it would be another member; anything else that is no base64url fails as a JWS
  if (jws.includes('"') || jws.includes('\\')) return undefined
  return { kind: 'event', received: checkedTime(text.slice(eventStart.length, receivedEnd)), jws }
}

function readOther(bytes: Buffer): FormedEntry {
  if (bytes.length > maxEntryBytes) throw new EntryMalformed(`it has ${bytes.length} bytes, more than ${maxEntryBytes}`)
  const members = parsed(bytes)
  const { kind } = members
  const received = checkedTime(members.received)
  switch (kind) {
    case 'refusal':
      return same(bytes, readRefusal(members, received), ({ refusal }) => refusalEntryText({ received, ...refusal }))
    case 'key':
      return same(bytes, { kind, received, entry: readKey(members) }, ({ entry }) => keyEntryText(received, entry))
    case 'catalogue':
      return same(bytes, { kind, received, catalogue: readCatalogue(members) }, ({ catalogue: { request, ...rest } }) =>
        catalogueEntryText({ received, ...rest, ...(request === undefined ? {} : { request }) }),
      )
    case 'operation':
      return same(bytes, readOperation(members, received), ({ action, party }) => {
        const { kind: _, received: __, action: ___, party: ____, ...details } = members
        return JSON.stringify({ kind, received, action, party, ...details })
      })
    case 'event':
      throw new EntryMalformed('the event has other fields than kind, received and jws in this order without spaces')
    default:
      throw new EntryMalformed('it is of no kind that a log holds, as far as this version of lianban knows')
  }
}

function same<T>(bytes: Buffer, entry: T, written: (entry: T) => string): T {
  if (!bytes.equals(Buffer.from(written(entry))))
    throw new EntryMalformed('it is not written as its kind is: other fields, another order, spaces, or escapes that need not be')
  return entry
}

function parsed(bytes: Buffer): JsonObject {
  try {
    return parseStrictJson(bytes)
  } catch (error) {
    if (!(error instanceof RefusedRequest)) throw error
    throw new EntryMalformed(error.refusal.detail.en)
  }
}

/** RFC 3339, UTC, milliseconds: what a date writes again as it read it. */
function checkedTime(received: unknown): string {
  if (typeof received !== 'string' || !isTime(received))
    throw new EntryMalformed('received is no time like 2026-11-23T00:00:00.000Z')
  return received
}

const timePattern = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/
/** the last date that was looked at: entries of one day stand together */
let goodDate = ''

function isTime(text: string): boolean {
  if (!timePattern.test(text)) return false
  const date = text.slice(0, 10)
  if (date === goodDate) return true
  const ms = Date.parse(text)
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== text) return false
  goodDate = date
  return true
}

function readRefusal(members: JsonObject, received: string): FormedEntry & { kind: 'refusal' } {
  const { party, kid, id, type, status, problem, digest } = members
  if (typeof party !== 'string' || typeof kid !== 'string') throw new EntryMalformed('party and kid of a refusal are strings')
  if (!isTextOrNull(id) || !isTextOrNull(type)) throw new EntryMalformed('id and type of a refusal are strings or null')
  if (typeof status !== 'number' || typeof problem !== 'string' || !isProblemCode(problem))
    throw new EntryMalformed('the refusal has no status and problem that there are')
  if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest))
    throw new EntryMalformed('the digest of a refusal is no SHA-256 in hex')
  return { kind: 'refusal', received, refusal: { party, kid, id, type, status, problem, digest } }
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

function readKey(members: JsonObject): KeyEntry {
  try {
    return readKeyEntry(members)
  } catch (error) {
    if (!(error instanceof RefusedRequest)) throw error
    throw new EntryMalformed(error.refusal.detail.en)
  }
}

function readCatalogue({ rules, files, request }: JsonObject): FormedCatalogue {
  if (typeof rules !== 'string' || !isJsonObject(files)) throw new EntryMalformed('a catalogue has rules and files')
  if (request !== undefined && typeof request !== 'string') throw new EntryMalformed("a catalogue's request is a string")
  const digests = Object.entries(files).map(([name, digest]): [string, string] => {
    if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest))
      throw new EntryMalformed('a digest of a catalogue file is no SHA-256 in hex')
    return [name, digest]
  })
  return { rules, files: Object.fromEntries(digests), request }
}

function readOperation(members: JsonObject, received: string): FormedEntry & { kind: 'operation' } {
  const { action, party } = members
  if (typeof action !== 'string' || typeof party !== 'string') throw new EntryMalformed('an operation has an action and a party')
  return { kind: 'operation', received, action, party, members }
}

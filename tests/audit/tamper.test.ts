import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copyLog } from '../../src/audit/export/copy-log.ts'
import { folderSource } from '../../src/audit/source-folder.ts'
import type { FindingCode } from '../../src/audit/verify/finding.ts'
import { writeState } from '../../src/audit/verify/state-file.ts'
import { VerifyStopped } from '../../src/audit/verify/walk.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/text.ts'
import { payloadOfLogged } from '../../src/identity/compact.ts'
import { registerKey, revokeKey } from '../../src/identity/key-request.ts'
import { signOperation } from '../../src/identity/operation-request.ts'
import { checkpointText } from '../../src/log/checkpoint.ts'
import { catalogueEntryText, eventEntryText, keyEntryText } from '../../src/log/entry.ts'
import { newLogKey } from '../../src/log/log-key.ts'
import { parseVkey } from '../../src/log/note.ts'
import { encodeBundle } from '../../src/log/tile.ts'
import {
  actEntry,
  actText,
  eventOf,
  exampleOf,
  type MadeKey,
  type MadeLog,
  madeKey,
  makeLog,
  operationText,
  sha256,
  signedBy,
} from '../support/made-log.ts'
import { rewritten, verified, withFields } from './altered-log.ts'

/** No alteration may keep the verifier busy for longer. */
const longestMs = 20_000

let log: MadeLog
const folders: string[] = []

beforeAll(async () => {
  log = await makeLog({ events: 620, subjects: 50, keepEntries: true })
  folders.push(log.dir)
})
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

/** What was done to the entries; the log's key then signs the result, so only what the entries say gives it away. */
type Rewriting = (entries: string[]) => void | Promise<void>

async function findingsAfter(change: Rewriting, options: Parameters<typeof verified>[2] = {}) {
  const entries = [...log.entries]
  await change(entries)
  const dir = await rewritten(log, entries)
  folders.push(dir)
  return verified(log, dir, options)
}

async function findingsInCopy(change: (dir: string) => Promise<void>, options: Parameters<typeof verified>[2] = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'lianban-copy-'))
  folders.push(dir)
  await cp(log.dir, dir, { recursive: true })
  await change(dir)
  return verified(log, dir, options)
}

const at = (entries: readonly string[], index: number): string => entries[index] ?? ''
const receivedOf = (entry: string): Date => new Date(JSON.parse(entry).received)
const isEvent = (entry: string) => entry.startsWith('{"kind":"event"')
const jwsOf = (entry: string): string => JSON.parse(entry).jws
const payloadOf = (entry: string): JsonObject => payloadOfLogged(jwsOf(entry))

/** Index of the n-th entry that fits, counted from the first event on. */
function nth(n: number, fits: (entry: string) => boolean): number {
  const found = log.entries.flatMap((entry, index) => (fits(entry) ? [index] : []))[n]
  if (found === undefined) throw new Error('the log has no such entry')
  return found
}

const event = (n: number) => nth(n, isEvent)
const ofType = (type: string) => nth(0, (entry) => isEvent(entry) && payloadOf(entry).type === type)
const refusal = () => nth(0, (entry) => entry.startsWith('{"kind":"refusal"'))
const operation = () => nth(0, (entry) => entry.startsWith('{"kind":"operation"'))
const act = () => nth(0, (entry) => entry.includes('"action":"plan-replay"'))
const revocation = () => nth(0, (entry) => entry.includes('"action":"revoke"'))
const secondCatalogue = () => nth(1, (entry) => entry.startsWith('{"kind":"catalogue"'))

function keyOf(party: string): MadeKey {
  const key = log.keys.get(party)
  if (key === undefined) throw new Error(`no key of ${party}`)
  return key
}

/** Puts an event in the place of the one at the index, received at its time. */
async function replaceEvent(entries: string[], index: number, key: MadeKey, change: (event: JsonObject) => JsonObject) {
  const received = receivedOf(at(entries, index))
  const payload = change(payloadOf(at(entries, index)))
  entries[index] = eventEntryText(received.toISOString(), await signedBy(key, payload))
}

/** A key that signs for the party of this event at its index. */
const lastEventOf = (source: string) =>
  log.entries.findLastIndex((entry) => isEvent(entry) && payloadOf(entry).source === `/bureaus/${source}`)

test('the good log has no finding', async () => {
  const report = await verified(log, log.dir, { operator: log.operatorThumbprint })
  expect(report.findings).toEqual({ listed: [], counts: {} })
  const again = await findingsAfter(() => undefined)
  expect(again.findings.counts).toEqual({})
})

const rewritings: readonly (readonly [name: string, code: FindingCode, change: Rewriting])[] = [
  [
    'a key used after its revocation',
    'key-revoked',
    async (entries) => {
      await replaceEvent(entries, lastEventOf('commerce'), log.revoked, (payload) => payload)
    },
  ],
  [
    'a key used before its registration',
    'key-unknown',
    async (entries) => {
      await replaceEvent(entries, ofType('registration.established.v1'), keyOf('commerce'), (payload) => payload)
    },
  ],
  [
    'a key that was never registered',
    'key-unknown',
    async (entries) => {
      await replaceEvent(entries, event(40), await madeKey('commerce'), (payload) => payload)
    },
  ],
  [
    'an event by a bureau that may not send its type',
    'authority',
    async (entries) => {
      await replaceEvent(entries, ofType('registration.changed.v1'), keyOf('state-tax'), (payload) => ({
        ...payload,
        source: '/bureaus/state-tax',
      }))
    },
  ],
  [
    'an event under the name of another bureau',
    'authority',
    async (entries) => {
      await replaceEvent(entries, ofType('tax.changed.v1'), keyOf('state-tax'), (payload) => payload)
    },
  ],
  [
    'an event by an auditor',
    'authority',
    async (entries) => {
      await replaceEvent(entries, event(30), keyOf('auditor'), (payload) => ({ ...payload, source: '/bureaus/auditor' }))
    },
  ],
  [
    'an event of a type that nobody knows',
    'unknown-type',
    async (entries) => {
      await replaceEvent(entries, lastEventOf('commerce'), keyOf('commerce'), (payload) => ({
        ...payload,
        type: 'registration.sold.v1',
      }))
    },
  ],
  [
    'an event that breaks its schema',
    'invalid-event',
    async (entries) => {
      await replaceEvent(entries, lastEventOf('local-tax'), keyOf('local-tax'), (payload) => ({
        ...payload,
        data: { ...dataOf(payload), taxAuthority: 7 },
      }))
    },
  ],
  [
    'an event about another company than its data',
    'invalid-event',
    async (entries) => {
      await replaceEvent(entries, lastEventOf('local-tax'), keyOf('local-tax'), (payload) => ({
        ...payload,
        subject: log.subjects.find((one) => one !== payload.subject) ?? '',
      }))
    },
  ],
  [
    'an event made a month before it was received',
    'invalid-event',
    async (entries) => {
      await replaceEvent(entries, lastEventOf('local-tax'), keyOf('local-tax'), (payload) => ({
        ...payload,
        time: new Date(Date.parse(String(payload.time)) - 30 * 86_400_000).toISOString(),
      }))
    },
  ],
  [
    'an event from an hour in the future',
    'invalid-event',
    async (entries) => {
      await replaceEvent(entries, lastEventOf('local-tax'), keyOf('local-tax'), (payload) => ({
        ...payload,
        time: new Date(Date.parse(String(payload.time)) + 3_600_000).toISOString(),
      }))
    },
  ],
  [
    'an event addressed to another log',
    'signature',
    async (entries) => {
      const index = lastEventOf('local-tax')
      const jws = await signedBy(keyOf('local-tax'), payloadOf(at(entries, index)), { aud: 'other.example/log' })
      entries[index] = eventEntryText(receivedOf(at(entries, index)).toISOString(), jws)
    },
  ],
  [
    'a payload changed under its signature',
    'signature',
    (entries) => {
      const index = event(20)
      const [header, , signature] = jwsOf(at(entries, index)).split('.')
      const payload = Buffer.from(JSON.stringify({ ...payloadOf(at(entries, index)), id: 'another' })).toString('base64url')
      entries[index] = withFields(at(entries, index), { jws: `${header}.${payload}.${signature}` })
    },
  ],
  [
    'a signature taken away',
    'signature',
    (entries) => {
      entries[event(20)] = withFields(at(entries, event(20)), { jws: jwsOf(at(entries, event(20))).replace(/[^.]*$/, '') })
    },
  ],
  [
    'an event without algorithm',
    'key-unknown',
    (entries) => {
      const header = Buffer.from('{"alg":"none","typ":"event+jws"}').toString('base64url')
      entries[event(20)] = withFields(at(entries, event(20)), { jws: jwsOf(at(entries, event(20))).replace(/^[^.]*/, header) })
    },
  ],
  [
    'an event of three parts and a half',
    'jws',
    (entries) => {
      entries[event(20)] = withFields(at(entries, event(20)), { jws: `${jwsOf(at(entries, event(20)))}.` })
    },
  ],
  [
    'a second spelling of a signature',
    'jws',
    (entries) => {
      entries[event(20)] = withFields(at(entries, event(20)), { jws: `${jwsOf(at(entries, event(20)))}=` })
    },
  ],
  [
    'an event twice',
    'duplicate-id',
    (entries) => {
      entries.splice(
        event(60) + 1,
        0,
        withFields(at(entries, event(20)), { received: receivedOf(at(entries, event(60))).toISOString() }),
      )
    },
  ],
  [
    'another event with an id that was used',
    'duplicate-id',
    async (entries) => {
      const index = lastEventOf('local-tax')
      const before = payloadOf(
        at(
          entries,
          nth(0, (entry) => isEvent(entry) && payloadOf(entry).source === '/bureaus/local-tax'),
        ),
      )
      await replaceEvent(entries, index, keyOf('local-tax'), (payload) => ({ ...payload, id: before.id ?? '' }))
    },
  ],
  [
    'an establishment dropped and everything after it re-hashed',
    'legal-order',
    (entries) => {
      entries.splice(ofType('registration.established.v1'), 1)
    },
  ],
  [
    'a company established twice',
    'legal-order',
    async (entries) => {
      const index = lastEventOf('commerce')
      const received = receivedOf(at(entries, index))
      const subject = String(payloadOf(at(entries, index)).subject)
      const twice = eventOf(exampleOf('registration.established.v1', 'commerce'), received, subject)
      entries[index] = eventEntryText(received.toISOString(), await signedBy(keyOf('commerce'), twice))
    },
  ],
  [
    'the events of a company in another order',
    'legal-order',
    async (entries) => {
      const second = nth(0, (entry) => isEvent(entry) && payloadOf(entry).type === 'tax.registered.v1')
      const { subject } = payloadOf(at(entries, second))
      const first = nth(0, (entry) => isEvent(entry) && payloadOf(entry).subject === subject)
      const [a, b] = [payloadOf(at(entries, first)), payloadOf(at(entries, second))]
      await replaceEvent(entries, first, keyOf(String(b.source).slice('/bureaus/'.length)), ({ time = '' }) => ({ ...b, time }))
      await replaceEvent(entries, second, log.revoked, ({ time = '' }) => ({ ...a, time }))
    },
  ],
  [
    'an effective date before the last one',
    'legal-order',
    async (entries) => {
      await replaceEvent(entries, lastEventOf('local-tax'), keyOf('local-tax'), (payload) => ({
        ...payload,
        data: { ...dataOf(payload), effectiveDate: '2015-01-01' },
      }))
    },
  ],
  [
    'a time running backwards',
    'received-order',
    (entries) => {
      entries[300] = withFields(at(entries, 300), {
        received: new Date(receivedOf(at(entries, 299)).getTime() - 1).toISOString(),
      })
    },
  ],
  [
    'a time running backwards between two bundles',
    'received-order',
    (entries) => {
      entries[256] = withFields(at(entries, 256), {
        received: new Date(receivedOf(at(entries, 255)).getTime() - 1).toISOString(),
      })
    },
  ],
  [
    'a swapped pair',
    'received-order',
    (entries) => {
      const [a, b] = [at(entries, 100), at(entries, 101)]
      entries[100] = b
      entries[101] = a
    },
  ],
  [
    'a time without milliseconds',
    'entry',
    (entries) => {
      entries[event(9)] = at(entries, event(9)).replace(/\.\d{3}Z/, 'Z')
    },
  ],
  [
    'a time that does not exist',
    'entry',
    (entries) => {
      entries[event(9)] = at(entries, event(9)).replace(/"2026-11-\d\d/, '"2026-11-31')
    },
  ],
  [
    'a space in an entry',
    'entry',
    (entries) => {
      entries[event(9)] = at(entries, event(9)).replace('","jws"', '", "jws"')
    },
  ],
  [
    'a field too many',
    'entry',
    (entries) => {
      entries[event(9)] = withFields(at(entries, event(9)), { note: 'x' })
    },
  ],
  [
    'fields in another order',
    'entry',
    (entries) => {
      const { kind, received, ...rest } = JSON.parse(at(entries, refusal()))
      entries[refusal()] = JSON.stringify({ received, kind, ...rest })
    },
  ],
  [
    'a kind that there is not',
    'entry',
    (entries) => {
      entries[event(9)] = withFields(at(entries, event(9)), { kind: 'amendment' })
    },
  ],
  [
    'a member twice',
    'entry',
    (entries) => {
      entries[event(9)] = at(entries, event(9)).replace('"jws"', '"jws":"","jws"')
    },
  ],
  [
    'an entry that is no JSON',
    'entry',
    (entries) => {
      entries[event(9)] = 'nothing'
    },
  ],
  [
    'an empty entry',
    'entry',
    (entries) => {
      entries[event(9)] = ''
    },
  ],
  [
    'an entry nested deeper than any stack',
    'entry',
    (entries) => {
      entries[event(9)] = `{"kind":"operation","a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`
    },
  ],
  [
    'an escape that need not be',
    'entry',
    (entries) => {
      entries[refusal()] = at(entries, refusal()).replace('"party":"c', '"party":"\\u0063')
    },
  ],
  [
    'a refusal of a problem that there is not',
    'entry',
    (entries) => {
      entries[refusal()] = withFields(at(entries, refusal()), { problem: 'dislike' })
    },
  ],
  [
    'a refusal with another status',
    'refusal',
    (entries) => {
      entries[refusal()] = withFields(at(entries, refusal()), { status: 200 })
    },
  ],
  [
    'a refusal for what is never logged',
    'refusal',
    (entries) => {
      entries[refusal()] = withFields(at(entries, refusal()), { problem: 'signature-invalid', status: 401 })
    },
  ],
  [
    'a refusal in the name of another party',
    'refusal',
    (entries) => {
      entries[refusal()] = withFields(at(entries, refusal()), { party: 'state-tax' })
    },
  ],
  [
    'a refusal by a key that nobody has',
    'refusal',
    (entries) => {
      entries[refusal()] = withFields(at(entries, refusal()), { kid: 'nobody' })
    },
  ],
  ...refusalsThatCannotBe(),
  [
    'a refusal twice within the hour',
    'refusal-repeated',
    (entries) => {
      const received = receivedOf(at(entries, refusal() + 1)).toISOString()
      entries.splice(refusal() + 2, 0, withFields(at(entries, refusal()), { received }))
    },
  ],
  [
    'an operation by a bureau',
    'operation',
    (entries) => {
      const key = keyOf('commerce')
      entries[operation()] = operationText(key, log.origin, receivedOf(at(entries, operation())))
    },
  ],
  [
    'an operation that nobody knows',
    'operation',
    (entries) => {
      entries[operation()] = withFields(at(entries, operation()), { action: 'erase' })
    },
  ],
  [
    'an operation that keeps the token',
    'operation',
    (entries) => {
      entries[operation()] = withFields(at(entries, operation()), {
        claims: { ...JSON.parse(at(entries, operation())).claims, jti: 'eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.c2ln' },
      })
    },
  ],
  [
    'an operation twice',
    'operation-repeated',
    (entries) => {
      entries.push(at(entries, operation()))
    },
  ],
  [
    'a reading long after its token',
    'operation',
    (entries) => {
      entries[operation()] = withFields(at(entries, operation()), {
        received: new Date(receivedOf(at(entries, operation())).getTime() + 3_600_000).toISOString(),
      })
    },
  ],
  [
    'an act that a bureau asked for',
    'operation',
    async (entries) => {
      entries[act()] = await actText(keyOf('commerce'), log.origin, receivedOf(at(entries, act())))
    },
  ],
  [
    'an act under the name of another',
    'operation',
    (entries) => {
      entries[act()] = withFields(at(entries, act()), { action: 'dismiss' })
    },
  ],
  [
    'a change of the catalogue as if it were an act',
    'operation',
    async (entries) => {
      entries[act()] = await actText(keyOf('operator'), log.origin, receivedOf(at(entries, act())), 'apply-catalogue')
    },
  ],
  [
    'an act whose reason was altered',
    'operation',
    (entries) => {
      const { request, ...who } = JSON.parse(at(entries, act()))
      const [header, , signature] = String(request).split('.')
      const payload = { ...payloadOfLogged(request), reason: 'another' }
      const altered = [header, Buffer.from(JSON.stringify(payload)).toString('base64url'), signature].join('.')
      entries[act()] = actEntry(who, altered)
    },
  ],
  [
    'an act with the digest of another',
    'operation',
    (entries) => {
      entries[act()] = withFields(at(entries, act()), { digest: 'ab'.repeat(32) })
    },
  ],
  [
    'an act on record twice',
    'operation-repeated',
    (entries) => {
      entries.push(at(entries, act()))
    },
  ],
  [
    'an act long after it was asked for',
    'operation',
    (entries) => {
      entries[act()] = withFields(at(entries, act()), {
        received: new Date(receivedOf(at(entries, act())).getTime() + 3_600_000).toISOString(),
      })
    },
  ],
  [
    'a key slipped in by nobody',
    'key-entry',
    async (entries) => {
      const stranger = await madeKey('commerce')
      const now = receivedOf(at(entries, 400))
      const entry = await registerKey(stranger.signing, stranger.signing, { party: 'commerce', log: log.origin, now })
      entries.splice(401, 0, keyEntryText(now.toISOString(), entry))
    },
  ],
  [
    "a key vouched for by the operator while the party's own is in force",
    'key-entry',
    async (entries) => {
      const next = await madeKey('state-tax')
      const now = receivedOf(at(entries, 400))
      const entry = await registerKey(next.signing, keyOf('operator').signing, { party: 'state-tax', log: log.origin, now })
      entries.splice(401, 0, keyEntryText(now.toISOString(), entry))
    },
  ],
  [
    'a registration played again from another log',
    'key-entry',
    async (entries) => {
      const next = await madeKey('state-tax')
      const now = receivedOf(at(entries, 400))
      const entry = await registerKey(next.signing, keyOf('state-tax').signing, {
        party: 'state-tax',
        log: 'other.example/log',
        now,
      })
      entries.splice(401, 0, keyEntryText(now.toISOString(), entry))
    },
  ],
  [
    'a revocation by another bureau',
    'key-entry',
    async (entries) => {
      const now = receivedOf(at(entries, 400))
      const { kid } = keyOf('state-tax').signing
      const entry = await revokeKey(keyOf('local-tax').signing, {
        party: 'state-tax',
        kid,
        reason: 'rivalry',
        log: log.origin,
        now,
      })
      entries.splice(401, 0, keyEntryText(now.toISOString(), entry))
    },
  ],
  [
    'a revocation dropped',
    'key-revoked',
    async (entries) => {
      // the revocation is put off past an event of the key: who drops it wants exactly that; here it stands earlier instead
      const [entry = ''] = entries.splice(revocation(), 1)
      entries.splice(lastBefore(revocation()), 0, entry)
    },
  ],
  [
    'a key of a revocation changed',
    'key-entry',
    (entries) => {
      entries[revocation()] = withFields(at(entries, revocation()), { kid: keyOf('state-tax').signing.kid })
    },
  ],
  [
    'the first key belongs to a bureau',
    'key-entry',
    async (entries) => {
      const now = receivedOf(at(entries, 1))
      const own = await madeKey('commerce')
      entries[1] = keyEntryText(
        now.toISOString(),
        await registerKey(own.signing, own.signing, { party: 'commerce', log: log.origin, now }),
      )
    },
  ],
  [
    'no catalogue at the beginning',
    'beginning',
    (entries) => {
      entries.splice(0, 1)
    },
  ],
  [
    'a catalogue that no operator asked for',
    'catalogue',
    (entries) => {
      const { request, ...rest } = JSON.parse(at(entries, secondCatalogue()))
      entries[secondCatalogue()] = catalogueEntryText(rest)
    },
  ],
  [
    'a catalogue asked for by a bureau',
    'catalogue',
    async (entries) => {
      await replaceCatalogue(entries, keyOf('commerce'))
    },
  ],
  [
    'a catalogue of other files than the operator asked for',
    'catalogue',
    async (entries) => {
      await replaceCatalogue(entries, keyOf('operator'), { 'catalogue.json': sha256('another') })
    },
  ],
  [
    'a catalogue whose file nobody has',
    'catalogue',
    (entries) => {
      const { files, ...rest } = JSON.parse(at(entries, 0))
      entries[0] = catalogueEntryText({ ...rest, files: { ...files, 'event.json': sha256('nowhere') } })
    },
  ],
]

/** Refusals whose reason can't be by the catalogue in force, or by the entries before. */
function refusalsThatCannotBe(): typeof rewritings {
  const changes: readonly (readonly [name: string, fields: object])[] = [
    ['for a type that the catalogue has', { problem: 'unknown-type', status: 422 }],
    ['by the legal order of a type that there is not', { type: 'registration.unheard-of.v1' }],
    ['by the legal order of a type that is another bureau’s', { type: 'tax.clearance-issued.v1' }],
    ['by the legal order of another type', { problem: 'tax-clearance-missing' }],
    ['by legal order, of what had no id', { id: null }],
    ['for a sender, of what had no type', { problem: 'sender-not-allowed', status: 403, type: null }],
    ['for an id that nobody had used', { problem: 'duplicate-id' }],
  ]
  return changes.map(([name, fields]) => [
    `a refusal ${name}`,
    'refusal',
    (entries) => {
      entries[refusal()] = withFields(at(entries, refusal()), fields)
    },
  ])
}

function dataOf(payload: JsonObject): JsonObject {
  const { data } = payload
  if (!isJsonObject(data)) throw new Error('the event has no data')
  return data
}

/** Index of the last event that commerce signed before this one. */
function lastBefore(index: number): number {
  return log.entries.findLastIndex(
    (entry, i) => i < index - 2 && isEvent(entry) && payloadOf(entry).source === '/bureaus/commerce',
  )
}

async function replaceCatalogue(entries: string[], by: MadeKey, asked?: JsonObject) {
  const { received, rules, files } = JSON.parse(at(entries, secondCatalogue()))
  const now = new Date(received)
  const details = { files: asked ?? files }
  const request = await signOperation(by.signing, { action: 'apply-catalogue', reason: 'x', log: log.origin, details, now })
  entries[secondCatalogue()] = catalogueEntryText({ received, rules, files, request })
}

describe('whoever holds the key of the log, and signs the result, is found by what the entries say', () => {
  for (const [name, code, change] of rewritings) {
    test(name, { timeout: longestMs }, async () => {
      const { findings } = await findingsAfter(change)
      expect(findings.counts).toHaveProperty(code)
      expect(findings.counts).not.toHaveProperty('root')
      expect(findings.listed.find((finding) => finding.code === code)?.cause).toMatch(/\w/)
    })
  }
})

describe('a catalogue that drops a type which the log has an event of is found, wherever it stands', () => {
  const dropped = 'tax.changed.v1'
  /** puts catalogues into the log, each without these types */
  async function findingsWith(catalogues: readonly { readonly at: number; readonly without: readonly string[] }[], size: number) {
    const entries: string[] = log.entries.slice(0, size)
    const blobs = new Map<string, string>()
    for (const { at: index, without } of catalogues.toReversed()) {
      const { rules, files }: FirstCatalogue = JSON.parse(at(log.entries, 0))
      const now = receivedOf(at(entries, index - 1))
      const whole = JSON.parse(log.blobs.get(files['catalogue.json'] ?? '') ?? '')
      const types = whole.types.filter(({ type }: { type: string }) => !without.includes(type))
      const text = JSON.stringify({ ...whole, types })
      blobs.set(sha256(text), text)
      const details = { files: { ...files, 'catalogue.json': sha256(text) } }
      const asked = { action: 'apply-catalogue', reason: 'x', log: log.origin, details, now }
      const request = await signOperation(keyOf('operator').signing, asked)
      entries.splice(index, 0, catalogueEntryText({ received: now.toISOString(), rules, ...details, request }))
    }
    const dir = await rewritten(log, entries, blobs)
    folders.push(dir)
    const { findings } = await verified(log, dir)
    return findings.listed.map(({ code, index, cause }) => `${code} ${index}: ${cause}`)
  }

  const lost = (index: number) => [expect.stringMatching(new RegExp(`^catalogue ${index}: ${dropped} is missing`))]

  test('right after the event, and in a later bundle', async () => {
    const used = ofType(dropped)
    for (const index of [used + 1, 254, 255, 256, 257]) {
      expect(index).toBeGreaterThan(used)
      expect(await findingsWith([{ at: index, without: [dropped] }], index), `at ${index}`).toEqual(lost(index))
    }
  })

  test('not right before it, which is legal', async () => {
    const used = ofType(dropped)
    expect(await findingsWith([{ at: used, without: [dropped] }], used)).toEqual([])
  })

  test('as the second one of a bundle, when the event stands between the two', async () => {
    const used = ofType(dropped)
    const unused = 'registration.annual-report.v1'
    const both = [
      { at: used, without: [unused] },
      { at: used + 1, without: [unused, dropped] },
    ]
    expect(await findingsWith(both, used + 1)).toEqual(lost(used + 2))
  })
})

interface FirstCatalogue {
  readonly rules: string
  readonly files: Readonly<Record<string, string>>
}

const copies: readonly (readonly [name: string, code: FindingCode, change: (dir: string) => Promise<void>])[] = [
  ['a bit of an entry', 'leaf-hash', (dir) => edit(dir, 'tile/entries/001', (bytes) => flip(bytes, 5000))],
  [
    'a bit of an entry of the last bundle',
    'leaf-hash',
    async (dir) => edit(dir, await partial(dir, 'entries'), (bytes) => flip(bytes, 5000)),
  ],
  ['a bit of a leaf hash', 'leaf-hash', (dir) => edit(dir, 'tile/0/000', (bytes) => flip(bytes, 77))],
  ['a bit of a tile above', 'tile-hash', async (dir) => edit(dir, await partial(dir, '1'), (bytes) => flip(bytes, 40))],
  ['a truncated tile', 'tile-length', (dir) => truncate(join(dir, 'tile/0/001'), 8191)],
  ['an empty tile', 'tile-length', (dir) => truncate(join(dir, 'tile/0/001'), 0)],
  [
    'a tile longer than it should be',
    'tile-length',
    (dir) => edit(dir, 'tile/0/001', (bytes) => Buffer.concat([bytes, bytes.subarray(0, 32)])),
  ],
  [
    'a tile far longer than it should be',
    'missing',
    (dir) => edit(dir, 'tile/0/001', (bytes) => Buffer.concat(new Array(100).fill(bytes))),
  ],
  ['a truncated tile above', 'tile-length', async (dir) => truncate(join(dir, await partial(dir, '1')), 31)],
  ['a truncated bundle', 'framing', (dir) => truncate(join(dir, 'tile/entries/001'), 3000)],
  [
    'bytes after the last entry of a bundle',
    'framing',
    (dir) => edit(dir, 'tile/entries/001', (bytes) => Buffer.concat([bytes, Buffer.from([0, 0])])),
  ],
  ['an entry that says to be longer', 'framing', (dir) => edit(dir, 'tile/entries/000', (bytes) => flip(bytes, 0))],
  ['a bundle that is not there', 'missing', (dir) => rm(join(dir, 'tile/entries/000'))],
  ['a tile that is not there', 'missing', (dir) => rm(join(dir, 'tile/0/000'))],
  ['a tile above that is not there', 'missing', async (dir) => rm(join(dir, await partial(dir, '1')))],
  [
    'a folder in the place of a tile',
    'missing',
    async (dir) => {
      await rm(join(dir, 'tile/0/000'))
      await mkdir(join(dir, 'tile/0/000'))
    },
  ],
  ['two bundles in each other’s place', 'leaf-hash', (dir) => swap(dir, 'tile/entries/000', 'tile/entries/001')],
  [
    'two bundles and their tiles in each other’s place',
    'root',
    async (dir) => {
      await swap(dir, 'tile/entries/000', 'tile/entries/001')
      await swap(dir, 'tile/0/000', 'tile/0/001')
    },
  ],
  [
    'a dropped entry, later ones renumbered and everything re-hashed but the checkpoint',
    'root',
    async (dir) => {
      const entries = [...log.entries]
      entries.splice(333, 1, at(entries, 332))
      await cp(await altered(entries), dir, { recursive: true, filter: (source) => !source.endsWith('checkpoint') })
    },
  ],
  [
    'a dropped last entry',
    'missing',
    async (dir) => {
      await rm(join(dir, 'tile'), { recursive: true })
      await cp(await altered(log.entries.slice(0, -1)), dir, {
        recursive: true,
        filter: (source) => !source.endsWith('checkpoint'),
      })
    },
  ],
  [
    'a checkpoint with another root under the old signature',
    'checkpoint',
    (dir) =>
      edit(dir, 'checkpoint', (bytes) => {
        const [origin, size, , ...rest] = bytes.toString('utf8').split('\n')
        return Buffer.from([origin, size, Buffer.alloc(32, 7).toString('base64'), ...rest].join('\n'))
      }),
  ],
  [
    'a checkpoint of another size under the old signature',
    'checkpoint',
    (dir) =>
      edit(dir, 'checkpoint', (bytes) => Buffer.from(bytes.toString('utf8').replace(`\n${log.size}\n`, `\n${log.size - 1}\n`))),
  ],
  [
    'a checkpoint signed by another key of the same name',
    'checkpoint',
    async (dir) => {
      await writeFile(join(dir, 'checkpoint'), newLogKey(log.origin).signCheckpoint(log.size, Buffer.alloc(32)))
    },
  ],
  [
    'a checkpoint of another log',
    'checkpoint',
    async (dir) => {
      await writeFile(join(dir, 'checkpoint'), newLogKey('other.example/log').signCheckpoint(log.size, Buffer.alloc(32)))
    },
  ],
  [
    'a checkpoint that calls another log its origin',
    'checkpoint',
    async (dir) => {
      const text = checkpointText({ origin: 'other.example/log', size: log.size, root: Buffer.alloc(32) })
      const [, signature] = log.checkpoint.split('\n\n')
      await writeFile(join(dir, 'checkpoint'), `${text}\n${signature}`)
    },
  ],
  [
    'a checkpoint without a signature',
    'checkpoint',
    (dir) => edit(dir, 'checkpoint', (bytes) => Buffer.from(`${bytes.toString('utf8').split('\n\n')[0]}\n`)),
  ],
  ['a checkpoint that is no text', 'checkpoint', (dir) => writeFile(join(dir, 'checkpoint'), Buffer.alloc(4096, 255))],
  [
    'a checkpoint of more entries than anybody could read',
    'missing',
    (dir) => writeFile(join(dir, 'checkpoint'), log.logKey.signCheckpoint(2 ** 50, Buffer.alloc(32))),
  ],
  [
    'a checkpoint of no entry at all',
    'beginning',
    (dir) => writeFile(join(dir, 'checkpoint'), log.logKey.signCheckpoint(0, Buffer.from(sha256(''), 'hex'))),
  ],
  [
    'a catalogue file changed',
    'catalogue',
    async (dir) => {
      const digest: string = JSON.parse(at(log.entries, 0)).files['catalogue.json']
      await edit(dir, `blob/${digest}`, (bytes) => Buffer.concat([bytes, Buffer.from(' ')]))
    },
  ],
  [
    'a catalogue file that is not there',
    'catalogue',
    async (dir) => {
      await rm(join(dir, 'blob', JSON.parse(at(log.entries, 0)).files['event.json']))
    },
  ],
  [
    'a bundle with the entries of two',
    'framing',
    async (dir) => {
      await writeFile(join(dir, 'tile/entries/000'), encodeBundle(log.entries.slice(0, 512)))
    },
  ],
]

async function altered(entries: readonly string[]): Promise<string> {
  const dir = await rewritten(log, entries)
  folders.push(dir)
  return dir
}

async function edit(dir: string, path: string, change: (bytes: Buffer) => Buffer): Promise<void> {
  const file = join(dir, path)
  await writeFile(file, change(await readFile(file)))
}

async function swap(dir: string, a: string, b: string): Promise<void> {
  await rename(join(dir, a), join(dir, 'between'))
  await rename(join(dir, b), join(dir, a))
  await rename(join(dir, 'between'), join(dir, b))
}

function flip(bytes: Buffer, place: number): Buffer {
  bytes.writeUInt8((bytes[place] ?? 0) ^ 1, place)
  return bytes
}

/** Path of the unfinished tile of a level. */
async function partial(dir: string, level: string): Promise<string> {
  const [folder] = (await readdir(join(dir, 'tile', level))).filter((name) => name.endsWith('.p'))
  const [width] = await readdir(join(dir, 'tile', level, folder ?? ''))
  return join('tile', level, folder ?? '', width ?? '')
}

describe('whoever changes a copy without the key of the log is found by its hashes', () => {
  for (const [name, code, change] of copies) {
    test(name, { timeout: longestMs }, async () => {
      const { findings } = await findingsInCopy(change)
      expect(findings.counts).toHaveProperty(code)
      expect(findings.listed.find((finding) => finding.code === code)?.cause).toMatch(/\w/)
    })
  }
})

describe('an index of subjects that was changed is found by the entries', () => {
  const first = 'index/subjects/000000'
  const second = 'index/subjects/000001'
  let small: string
  let large: string

  beforeAll(async () => {
    small = await exported(log.dir)
    // as many entries as make a second segment begin, with events in it
    large = await exported(await altered([...log.entries, ...new Array<string>(65_536).fill('nothing'), ...log.entries]))
  })

  async function exported(from: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'lianban-indexed-'))
    folders.push(folder)
    await copyLog({
      source: folderSource(from),
      folder,
      log: parseVkey(log.vkey),
      vkey: log.vkey,
      now: new Date('2026-11-23T00:00:00Z'),
    })
    return folder
  }

  /** What is found of the index after a change of a copy. */
  async function found(of: string, change: (dir: string) => Promise<void>, options: Parameters<typeof verified>[2] = {}) {
    const dir = await mkdtemp(join(tmpdir(), 'lianban-copy-'))
    folders.push(dir)
    await cp(of, dir, { recursive: true })
    await change(dir)
    const { findings } = await verified(log, dir, options)
    const listed = findings.listed.filter(({ code }) => code === 'index')
    return { counts: findings.counts, told: listed.map(({ index, cause }) => `${index}: ${cause}`) }
  }

  const recordsOf = (bytes: Buffer) =>
    Array.from({ length: bytes.length / 16 }, (_, i) => Buffer.from(bytes.subarray(i * 16, i * 16 + 16)))
  const records = (change: (all: Buffer[]) => Buffer[]) => (bytes: Buffer) =>
    Buffer.concat(change(recordsOf(bytes)).sort(Buffer.compare))
  const indexOf = (record: Buffer) => Number(record.readBigUInt64BE(8))
  const recordOf = (name: string, index: number) => {
    const record = Buffer.alloc(16)
    Buffer.from(sha256(name), 'hex').copy(record, 0, 0, 8)
    record.writeBigUInt64BE(BigInt(index), 8)
    return record
  }

  test('but not one that is as the export made it, of one segment or of two; nor is a log without one', async () => {
    expect(await found(small, async () => undefined)).toEqual({ counts: {}, told: [] })
    expect((await found(large, async () => undefined)).told).toEqual([])
    expect(await found(small, (dir) => rm(join(dir, 'index'), { recursive: true }))).toEqual({ counts: {}, told: [] })
    const unlisted = async (dir: string) => {
      await rm(join(dir, 'manifest.json'))
      await truncate(join(dir, first), 16)
    }
    expect(await found(small, unlisted), 'nobody looks into an index without a manifest').toEqual({ counts: {}, told: [] })
  })

  test('nor one that an interrupted export has gone on with', async () => {
    const beyond = records((all) => [...all, recordOf('subject:later', log.size), recordOf('subject:later', 65_535)])
    expect(await found(small, (dir) => edit(dir, first, beyond))).toEqual({ counts: {}, told: [] })
  })

  const about = (n: number) => ({ index: event(n), subject: `subject:${String(payloadOf(at(log.entries, event(n))).subject)}` })
  const without = (index: number) => (all: Buffer[]) => all.filter((record) => indexOf(record) !== index)

  const alterations: readonly (readonly [name: string, change: (bytes: Buffer) => Buffer, told: () => string[]])[] = [
    ['an event dropped', (bytes) => records(without(event(40)))(bytes), () => [`${event(40)}: ${first} lacks it`]],
    ['the last event dropped', (bytes) => records(without(lastEvent()))(bytes), () => [`${lastEvent()}: ${first} lacks it`]],
    ['a key dropped', records(without(1)), () => [`1: ${first} lacks it`]],
    [
      'a refusal added under a subject',
      records((all) => [...all, recordOf('subject:nobody', refusal())]),
      () => [`${refusal()}: ${first} has it, though`],
    ],
    [
      'an event under another subject',
      records((all) => [...without(event(40))(all), recordOf('subject:nobody', event(40))]),
      () => [`${event(40)}: ${first} has it under a name`],
    ],
    [
      'an event in the place of another of its subject',
      records((all) => [...without(event(41))(all), recordOf(about(40).subject, event(41))]),
      () => [`${event(41)}: ${first} has it under a name`],
    ],
    [
      'an event under two subjects',
      records((all) => [...all, recordOf('subject:nobody', event(40))]),
      () => [`0: ${first} is no good: it has two records of entry ${event(40)}`],
    ],
    [
      'an entry of another segment',
      records((all) => [...all, recordOf('subject:nobody', 65_536)]),
      () => [`0: ${first} is no good: it says something of entry 65536`],
    ],
    [
      'an entry further than any log',
      records((all) => [...all, Buffer.alloc(16, 255)]),
      () => [`0: ${first} is no good: it says something of entry`],
    ],
    ['a record cut off', (bytes) => bytes.subarray(0, -5), () => [`0: ${first} is no good: its`]],
    ['records not sorted', (bytes) => Buffer.concat(recordsOf(bytes).reverse()), () => [`0: ${first} is no good: its record 1`]],
    ['a record twice', (bytes) => Buffer.concat([bytes, bytes.subarray(-16)]), () => [`0: ${first} is no good: its record`]],
    ['zeros in its place', (bytes) => Buffer.alloc(bytes.length), () => [`0: ${first} is no good: its record 1`]],
    ['far more than it may be', () => Buffer.alloc(2 * 1_048_576), () => [`0: ${first} is no good:`]],
  ]
  const lastEvent = () => log.entries.findLastIndex(isEvent)

  for (const [name, change, told] of alterations) {
    test(name, { timeout: longestMs }, async () => {
      const { counts, told: findings } = await found(small, (dir) => edit(dir, first, change))
      expect(counts).toEqual({ index: told().length })
      expect(findings).toEqual(told().map((start) => expect.stringMatching(`^${start}`)))
    })
  }

  test('the end cut off at a whole record', async () => {
    const { size } = await stat(join(small, first))
    const { counts, told } = await found(small, (dir) => truncate(join(dir, first), size - 10 * 16))
    expect(counts).toEqual({ index: 10 })
    expect(told).toEqual(new Array(10).fill(expect.stringMatching(`^\\d+: ${first} lacks it`)))
    expect((await found(small, (dir) => truncate(join(dir, first), 0))).counts.index).toBeGreaterThan(600)
  })

  test('a segment that is not there, whichever it is', { timeout: 2 * longestMs }, async () => {
    const lost = async (path: string) => (await found(large, (dir) => rm(join(dir, path)))).told
    expect(await lost(first)).toEqual([expect.stringMatching(`^0: ${first} is no good: \\S+ has no ${first}`)])
    expect(await lost(second)).toEqual([expect.stringMatching(`^65536: ${second} is no good: \\S+ has no ${second}`)])
  })

  test('a segment and the first bundle that it covers', async () => {
    const { counts, told } = await found(small, async (dir) => {
      await truncate(join(dir, first), 40)
      await rm(join(dir, 'tile/entries/000'))
    })
    expect(counts).toMatchObject({ index: 1, missing: 1 })
    expect(told).toEqual([expect.stringMatching(`^0: ${first} is no good: its 40 bytes`)])
  })

  test('two segments in each other’s place', { timeout: longestMs }, async () => {
    const { told } = await found(large, (dir) => swap(dir, first, second))
    expect(told).toEqual([
      expect.stringMatching(`^0: ${first} is no good: it says something of entry`),
      expect.stringMatching(`^65536: ${second} is no good: it says something of entry`),
    ])
  })

  test('once, also when the verification was stopped in between', async () => {
    const stateFile = join(await mkdtemp(join(tmpdir(), 'lianban-state-')), 'state.json')
    folders.push(dirname(stateFile))
    const dir = await exported(log.dir)
    await truncate(join(dir, first), 40)
    const stop = new AbortController()
    const stopped = verified(log, dir, { stateFile, signal: stop.signal, onProgress: () => stop.abort() })
    await expect(stopped).rejects.toBeInstanceOf(VerifyStopped)
    const { findings, resumed } = await verified(log, dir, { stateFile })
    expect(resumed).toBe(true)
    expect(findings.counts).toEqual({ index: 1 })
  })
})

test('a log by the rules of a newer version is none that this one can judge, and it says so', {
  timeout: longestMs,
}, async () => {
  const { findings } = await findingsAfter((entries) => {
    entries[secondCatalogue()] = withFields(at(entries, secondCatalogue()), { rules: '2' })
  })
  const says = 'it has the code rules "2", and this version of lianban knows "1" alone: verify with a newer one if there is'
  expect(findings.listed).toContainEqual({ code: 'catalogue', index: secondCatalogue(), cause: says })
})

describe('what was seen at the last visit, and what the auditor was told, counts', () => {
  async function stateOf(note: string): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'lianban-state-'))
    folders.push(dir)
    await writeState(join(dir, 'state.json'), note, '2026-11-20T00:00:00.000Z')
    return join(dir, 'state.json')
  }

  test('a log that continues what was seen is good, wherever the last visit ended', async () => {
    for (const size of [1, 255, 256, 257, 512, log.size - 1, log.size]) {
      const before = await altered(log.entries.slice(0, size))
      const stateFile = await stateOf(await readFile(join(before, 'checkpoint'), 'utf8'))
      expect((await verified(log, log.dir, { stateFile })).findings.counts, `at ${size}`).toEqual({})
      expect(await readFile(stateFile, 'utf8')).toContain(`\\n${log.size}\\n`)
    }
  })

  test('a re-signed fork is found, and the state file keeps the log that was seen first', async () => {
    const stateFile = await stateOf(log.checkpoint)
    const before = await readFile(stateFile, 'utf8')
    const entries = log.entries.with(
      log.size - 1,
      withFields(at(log.entries, log.size - 1), {
        received: receivedOf(at(log.entries, log.size - 1))
          .toISOString()
          .replace(/\d{3}Z$/, '999Z'),
      }),
    )
    const { findings } = await verified(log, await altered(entries), { stateFile })
    expect(findings.counts).toHaveProperty('fork', 1)
    expect(await readFile(stateFile, 'utf8')).toBe(before)
  })

  test('a fork that went on is found', async () => {
    const stateFile = await stateOf(await readFile(join(await altered(log.entries.slice(0, 400)), 'checkpoint'), 'utf8'))
    const entries = [...log.entries]
    entries.splice(350, 1)
    expect((await verified(log, await altered(entries), { stateFile })).findings.counts).toHaveProperty('fork', 1)
  })

  test('a log that has become shorter is found', async () => {
    const stateFile = await stateOf(log.checkpoint)
    const { findings } = await verified(log, await altered(log.entries.slice(0, 500)), { stateFile })
    expect(findings.listed.find(({ code }) => code === 'shrunk')?.cause).toContain(String(log.size))
  })

  test('a log that has become shorter is one finding, also when the verification was stopped in between', async () => {
    const stateFile = await stateOf(log.checkpoint)
    const shorter = await altered(log.entries.slice(0, 600))
    const stop = new AbortController()
    const stopped = verified(log, shorter, { stateFile, signal: stop.signal, onProgress: () => stop.abort() })
    await expect(stopped).rejects.toBeInstanceOf(VerifyStopped)
    const { findings, resumed } = await verified(log, shorter, { stateFile })
    expect(resumed).toBe(true)
    expect(findings.counts).toEqual({ shrunk: 1 })
  })

  test('another first operator than the auditor was told is found', async () => {
    const { findings } = await findingsAfter(() => undefined, { operator: 'A'.repeat(43) })
    expect(findings.counts).toHaveProperty('operator', 1)
  })

  test('a log that ends before the first operator is none that the auditor was told of', async () => {
    const cut = await altered(log.entries.slice(0, 1))
    expect((await verified(log, cut)).findings.counts).toEqual({})
    const { findings } = await verified(log, cut, { operator: log.operatorThumbprint })
    expect(findings.listed).toEqual([{ code: 'operator', index: null, cause: expect.stringContaining('no key at index 1') }])
  })
})

import { createHash, createPrivateKey, type KeyObject, randomUUID, sign } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileRules } from '../../src/catalogue/compile.ts'
import { catalogueDigests, readCatalogueFiles } from '../../src/catalogue/load.ts'
import type { Rules } from '../../src/catalogue/rules.ts'
import { organisationCheckCharacter } from '../../src/domain/codes/organisation-code.ts'
import { usccCheckCharacter } from '../../src/domain/codes/uscc.ts'
import { type ProblemCode, problemOf } from '../../src/domain/problems.ts'
import type { JsonObject } from '../../src/domain/text.ts'
import { registerKey, revokeKey } from '../../src/identity/key-request.ts'
import { signOperation } from '../../src/identity/operation-request.ts'
import { generateKey, importSigningKey, type PrivateJwk, type SigningKey } from '../../src/identity/private-key.ts'
import { catalogueEntryText, eventEntryText, keyEntryText, receivedText, refusalEntryText } from '../../src/log/entry.ts'
import { type LogKey, newLogKey } from '../../src/log/log-key.ts'
import { shippedCatalogue } from './catalogue-folder.ts'
import { type Example, examples } from './examples.ts'
import { LogWriter } from './log-writer.ts'

export interface MadeKey {
  readonly party: string
  readonly jwk: PrivateJwk
  readonly signing: SigningKey
  readonly keyObject: KeyObject
}

export interface MadeLog {
  readonly dir: string
  readonly origin: string
  readonly vkey: string
  readonly logKey: LogKey
  readonly size: number
  readonly checkpoint: string
  readonly operatorThumbprint: string
  /** each party's key that is in force at the end */
  readonly keys: ReadonlyMap<string, MadeKey>
  /** commerce's first key, revoked in the middle of the log */
  readonly revoked: MadeKey
  /** catalogue files by digest */
  readonly blobs: ReadonlyMap<string, string>
  readonly subjects: readonly string[]
  /** every entry's text, where `keepEntries` asked for it; else empty */
  readonly entries: readonly string[]
  readonly counts: Readonly<Record<string, number>>
}

export interface MakeLogOptions {
  /** event and refusal entries */
  readonly events: number
  readonly subjects?: number
  readonly seed?: number
  readonly dir?: string
  /** the whole log spans so many days */
  readonly days?: number
  readonly keepEntries?: boolean
  readonly origin?: string
}

const begins = Date.UTC(2026, 10, 2, 1)

/**
 * Writes a genuine, legal log as an export: catalogue, keys, signed events of many companies, refusals, an operation, a key that
 * follows another one and its revocation, a second catalogue.
 */
export async function makeLog(options: MakeLogOptions): Promise<MadeLog> {
  const { events, seed = 1, days = 10, keepEntries = false, origin = 'localhost/lianban' } = options
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'lianban-made-log-')))
  const subjects = Array.from({ length: options.subjects ?? Math.ceil(events / 5) }, (_, n) => usccOf(n))
  const logKey = newLogKey(origin)
  const writer = new LogWriter(dir, logKey)
  const random = randomFrom(seed)
  const kept: string[] = []
  const counts: Record<string, number> = {}
  const blobs = new Map<string, string>()
  const stepMs = (days * 86_400_000) / (events + 20)
  let clock = begins
  const tick = (): Date => {
    clock += Math.floor(stepMs * (0.5 + random()))
    return new Date(clock)
  }
  const append = async (kind: string, text: string): Promise<void> => {
    counts[kind] = (counts[kind] ?? 0) + 1
    if (keepEntries) kept.push(text)
    await writer.append(text)
  }
  const keep = async (rules: Rules) => {
    const files = catalogueDigests(rules.files)
    for (const [name, content] of rules.files) {
      blobs.set(files[name] ?? '', content)
      await writer.blob(files[name] ?? '', content)
    }
    return files
  }

  const first = compileRules(await readCatalogueFiles(shippedCatalogue))
  await append('catalogue', catalogueEntryText({ received: receivedText(tick()), rules: '1', files: await keep(first) }))
  const keys = new Map<string, MadeKey>()
  const parties = [...first.parties.values()].sort((a, b) => Number(b.role === 'operator') - Number(a.role === 'operator'))
  const register = async (party: string): Promise<MadeKey> => {
    const made = await madeKey(party)
    const by = keys.get(party) ?? [...keys.values()][0] ?? made
    const at = tick()
    const entry = await registerKey(made.signing, by.signing, { party, log: origin, now: at })
    await append('key', keyEntryText(receivedText(at), entry))
    keys.set(party, made)
    return made
  }
  for (const { id } of parties) await register(id)
  const operator = keyOf(keys, parties[0]?.id ?? '')
  const revoked = keyOf(keys, 'commerce')

  const steps = new Uint16Array(subjects.length)
  const half = Math.floor(events / 2)
  for (let done = 0; done < events; ) {
    if (done === half) await changeRules()
    const chunk = Math.min(1024, (done < half ? half : events) - done)
    const texts = await Promise.all(Array.from({ length: chunk }, (_, i) => nextEntry(done + i)))
    for (const { kind, text } of texts) await append(kind, text)
    done += chunk
  }
  await append('operation', operationText(keyOf(keys, 'auditor'), origin, tick()))
  await append('operation', await actText(keyOf(keys, parties[0]?.id ?? ''), origin, tick()))
  const checkpoint = await writer.close()
  return {
    dir,
    origin,
    vkey: logKey.vkey,
    logKey,
    size: writer.size,
    checkpoint,
    operatorThumbprint: operator.signing.publicKey.thumbprint,
    keys,
    revoked,
    blobs,
    subjects,
    entries: kept,
    counts,
  }

  async function changeRules(): Promise<void> {
    await register('commerce')
    const at = tick()
    const revocation = await revokeKey(operator.signing, {
      party: 'commerce',
      kid: revoked.signing.kid,
      reason: 'the key box was replaced',
      log: origin,
      now: at,
    })
    await append('key', keyEntryText(receivedText(at), revocation))
    const files = new Map(first.files)
    files.set('catalogue.json', JSON.stringify({ ...first.catalogue, version: `${first.catalogue.version} second` }))
    const second = compileRules(files)
    const digests = await keep(second)
    const applied = tick()
    const request = await signOperation(operator.signing, {
      action: 'apply-catalogue',
      reason: 'a second edition',
      log: origin,
      details: { files: digests },
      now: applied,
    })
    await append('catalogue', catalogueEntryText({ received: receivedText(applied), rules: '1', files: digests, request }))
  }

  async function nextEntry(n: number): Promise<{ kind: string; text: string }> {
    const at = tick()
    const place = Math.floor(random() * subjects.length)
    const subject = subjects[place] ?? ''
    const step = steps[place] ?? 0
    const received = receivedText(at)
    const isRefusal = n % 40 === 39
    const { type, source, data } = isRefusal ? refusedExample(step) : exampleAt(step)
    const key = keyOf(keys, source)
    if (!isRefusal) steps[place] = step + 1
    const event = eventOf({ type, source, subject, data }, at, subject)
    const jws = await signedBy(key, event)
    if (!isRefusal) return { kind: 'event', text: eventEntryText(received, jws) }
    const problem: ProblemCode = step === 0 ? 'unknown-subject' : 'already-established'
    const refusal = {
      received,
      party: source,
      kid: key.signing.kid,
      id: event.id,
      type,
      status: problemOf(problem).status,
      problem,
    }
    return { kind: 'refusal', text: refusalEntryText({ ...refusal, digest: sha256(jws) }) }
  }
}

/** An event about a company after an example of its type, made two seconds before it was received. */
export function eventOf(example: Example, received: Date, subject: string): JsonObject & { readonly id: string } {
  const { registrationNumber, ...rest } = example.data
  const codes = 'taxpayerId' in rest ? { uscc: subject, taxpayerId: subject } : { uscc: subject }
  return {
    specversion: '1.0',
    id: randomUUID(),
    source: `/bureaus/${example.source}`,
    type: example.type,
    subject,
    time: new Date(received.getTime() - 2000).toISOString(),
    datacontenttype: 'application/json',
    data: { ...rest, ...codes },
  }
}

/** A compact JWS of an event; the arithmetic runs on all cores. */
export function signedBy(key: MadeKey, payload: JsonObject, header: JsonObject = {}): Promise<string> {
  const head = Buffer.from(JSON.stringify({ ...header, alg: 'ES256', kid: key.signing.kid, typ: 'event+jws' }))
  const input = `${head.toString('base64url')}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`
  return new Promise((resolve, reject) =>
    sign('sha256', Buffer.from(input), { key: key.keyObject, dsaEncoding: 'ieee-p1363' }, (error, signature) =>
      error ? reject(error) : resolve(`${input}.${signature.toString('base64url')}`),
    ),
  )
}

export async function madeKey(party: string): Promise<MadeKey> {
  const jwk = await generateKey('ES256')
  return { party, jwk, signing: await importSigningKey({ ...jwk }), keyObject: createPrivateKey({ key: jwk, format: 'jwk' }) }
}

export function operationText({ party, signing }: MadeKey, origin: string, at: Date): string {
  const iat = Math.floor(at.getTime() / 1000)
  const claims = { aud: origin, iat, exp: iat + 120, jti: randomUUID() }
  const digest = sha256(JSON.stringify(claims))
  return JSON.stringify({
    kind: 'operation',
    received: receivedText(at),
    action: 'read-entries',
    party,
    kid: signing.kid,
    claims,
    digest,
  })
}

/** An operator's act, as a gateway records it. */
export async function actText({ party, signing }: MadeKey, log: string, at: Date, action = 'plan-replay'): Promise<string> {
  const details = { bureau: 'local-tax', filter: {} }
  const request = await signOperation(signing, { action, reason: 'the table is mended', log, details, now: at })
  return actEntry({ received: receivedText(at), action, party, kid: signing.kid }, request)
}

export function actEntry(who: Readonly<Record<'received' | 'action' | 'party' | 'kid', string>>, request: string): string {
  const { received, action, party, kid } = who
  const digest = sha256(request.slice(0, request.lastIndexOf('.')))
  return JSON.stringify({ kind: 'operation', received, action, party, kid, digest, request })
}

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

const shown = examples()

/** The steps of every company: established, known to both tax bureaus, then changed for ever. */
export function exampleAt(step: number): Example {
  if (step === 0) return exampleOf('registration.established.v1', 'commerce')
  if (step === 1) return exampleOf('tax.registered.v1', 'state-tax')
  if (step === 2) return exampleOf('tax.registered.v1', 'local-tax')
  return step % 2 === 1 ? exampleOf('registration.changed.v1', 'commerce') : exampleOf('tax.changed.v1', 'local-tax')
}

function refusedExample(step: number): Example {
  return step === 0 ? exampleOf('registration.changed.v1', 'commerce') : exampleOf('registration.established.v1', 'commerce')
}

export function exampleOf(type: string, source: string): Example {
  const found = shown.find((one) => one.type === type && one.source === source)
  if (found === undefined) throw new Error(`no example of ${type} by ${source}`)
  return found
}

function keyOf(keys: ReadonlyMap<string, MadeKey>, party: string): MadeKey {
  const key = keys.get(party)
  if (key === undefined) throw new Error(`${party} has no key`)
  return key
}

/** The code of a company that does not exist, right in every check character. */
function usccOf(n: number): string {
  const organisation = `M${String(n).padStart(7, '0')}`
  const body = `91210203${organisation}${organisationCheckCharacter(organisation)}`
  return body + usccCheckCharacter(body)
}

/** mulberry32: the same seed tells the same story. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

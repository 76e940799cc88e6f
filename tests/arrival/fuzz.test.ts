import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type HttpServer, listen } from '../../src/arrival/server.ts'
import type { JsonObject } from '../../src/domain/text.ts'
import { type Chance, chance } from '../support/chance.ts'
import { changed, mangled, strangeTexts } from '../support/fuzz.ts'
import { establishment, type Gateway, openGateway } from '../support/gateway.ts'

/** `FUZZ_MUTATIONS=100000 FUZZ_SEED=7 npx vitest run tests/arrival/fuzz.test.ts` looks longer, and elsewhere. */
const mutations = Number(process.env.FUZZ_MUTATIONS ?? '4000')
const seed = Number(process.env.FUZZ_SEED ?? '6')
const atOnce = 16
const timeout = 60_000 + mutations * 30

/** Whatever is sent, the answer is one of these; 429 and 503 would mean that so few senders overload the gateway. */
const wellBehaved = [200, 201, 400, 401, 403, 409, 413, 415, 422]
const limits = {
  headersTimeoutMs: 500,
  requestTimeoutMs: 500,
  checkEveryMs: 50,
  lingerMs: 100,
  drainMs: 1000,
  maxConnections: 4096,
}

const logged: string[] = []
let gateway: Gateway
let server: HttpServer
/** Header and payload of everything that commerce's key has signed: whatever else is in the log is forged. */
const signed = new Set<string>()
let companies = 0

beforeAll(async () => {
  const keep = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`)
  gateway = await openGateway({
    consume: false,
    logger: { debug: () => undefined, info: () => undefined, warn: keep, error: keep },
  })
  server = await listen(gateway.app, '127.0.0.1', 0, limits)
})
afterAll(async () => {
  await server.close()
  await gateway.stop()
})

const event = () => establishment(++companies)
const base64url = (part: string | Uint8Array | JsonObject) =>
  Buffer.from(typeof part === 'string' || part instanceof Uint8Array ? part : JSON.stringify(part)).toString('base64url')

/** What commerce itself may sign: its own mistakes and malice. */
async function bySender(payload: Uint8Array | JsonObject, header: JsonObject = {}): Promise<string> {
  const { cryptoKey, kid } = gateway.key('commerce')
  const input = `${base64url({ alg: 'ES256', kid, typ: 'event+jws', ...header })}.${base64url(payload)}`
  signed.add(input)
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, cryptoKey, Buffer.from(input))
  return `${input}.${base64url(new Uint8Array(signature))}`
}

const attacker = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** What somebody without a key in force can make: every way around a signature that JOSE libraries have fallen for. */
function byStranger(random: Chance): string {
  const { kid } = gateway.key('commerce')
  const { kty = '', crv = '', x = '', y = '' } = attacker.publicKey.export({ format: 'jwk' })
  const header = random.one<JsonObject>([
    { alg: 'none' },
    { alg: 'None', kid },
    { alg: 'ES256', kid },
    { alg: 'HS256', kid },
    { alg: 'EdDSA', kid },
    { alg: 'PS256', kid },
    { alg: 'ES256', kid, jwk: { kty, crv, x, y } },
    { alg: 'ES256', kid, jku: 'https://attacker.example/jwks' },
    { alg: 'ES256', kid, x5c: ['AAAA'] },
    { alg: 'ES256', kid, crit: ['b64'], b64: false },
    { alg: 'ES256', kid: `${kid}\u0000` },
    { alg: 'ES256', kid: ['x', kid] },
    { alg: 'ES256', kid: '__proto__' },
  ])
  const input = `${base64url({ typ: 'event+jws', ...header })}.${base64url(event())}`
  const signature = random.one([
    () => Buffer.alloc(0),
    () => Buffer.alloc(64),
    () => sign('sha256', Buffer.from(input), { key: attacker.privateKey, dsaEncoding: 'ieee-p1363' }),
    () => sign('sha256', Buffer.from(input), attacker.privateKey),
    // "psychic" signatures, and the public key taken for a shared secret
    () => Buffer.concat([Buffer.alloc(32), Buffer.alloc(31), Buffer.from([1])]),
    () =>
      createHmac('sha256', JSON.stringify(gateway.key('commerce').publicKey.thumbprint))
        .update(input)
        .digest(),
    () => random.bytes(64),
  ])()
  return `${input}.${base64url(signature)}`
}

interface Sent {
  readonly body: Buffer
  readonly mediaType: string
}

async function sample(random: Chance): Promise<Sent> {
  const jose = (body: string | Buffer): Sent => ({ body: Buffer.from(body), mediaType: 'application/jose' })
  const flat = (compact: string): JsonObject => {
    const [header = '', payload = '', signature = ''] = compact.split('.')
    return { protected: header, payload, signature }
  }
  const parts = async () => (await bySender(event())).split('.')
  return random.one<() => Promise<Sent>>([
    // in transit
    async () => jose(mangled(Buffer.from(await bySender(event())), random)),
    async () => {
      const [[header, , signature], [, payload]] = [await parts(), await parts()]
      return jose(`${header}.${payload}.${signature}`)
    },
    async () => {
      const [header = '', payload = '', signature = ''] = await parts()
      const other = Buffer.from(JSON.stringify(changed(event(), random)))
      return jose(`${header}.${random.one([base64url(other), payload])}.${mangled(Buffer.from(signature), random)}`)
    },
    async () => jose(byStranger(random)),
    async () => jose(random.bytes(random.below(300))),
    async () => {
      const text = JSON.stringify(random.one([flat(await bySender(event())), changed(flat(await bySender(event())), random)]))
      return {
        body: random.below(2) === 0 ? mangled(Buffer.from(text), random) : Buffer.from(text),
        mediaType: 'application/jose+json',
      }
    },
    // by a sender whose software is wrong, or who means harm
    async () => jose(await bySender(changed(event(), random))),
    async () => jose(await bySender(changed(changed(event(), random), random))),
    async () => jose(await bySender(mangled(Buffer.from(JSON.stringify(event())), random))),
    async () => jose(await bySender(event(), changed({ typ: 'event+jws', kid: gateway.key('commerce').kid }, random))),
  ])()
}

/** The log holds only what commerce has signed, each event once, and nothing has gone wrong inside. */
async function expectNoForgery(): Promise<number> {
  const rows = await gateway.database.raw<{ entry: string }[]>`select entry from log.entries where kind = 'event'`
  const inputs = rows.map(({ entry }) => {
    const { jws }: { jws: string } = JSON.parse(entry)
    return jws.slice(0, jws.lastIndexOf('.'))
  })
  expect(inputs.filter((input) => !signed.has(input))).toEqual([])
  expect(new Set(inputs).size).toBe(inputs.length)
  expect(logged).toEqual([])
  return inputs.length
}

it(`${mutations} changed signatures, headers, payloads and wrappings: an answer to each, and no forgery`, {
  timeout,
}, async () => {
  const random = chance(seed)
  const statuses = new Map<number, number>()
  for (let done = 0; done < mutations; done += atOnce) {
    const batch = await Promise.all(Array.from({ length: Math.min(atOnce, mutations - done) }, () => sample(random)))
    await Promise.all(
      batch.map(async ({ body, mediaType }) => {
        const init = { method: 'POST', body: new Uint8Array(body), headers: { 'content-type': mediaType } }
        const { status } = await gateway.request('/v1/events', init)
        expect(wellBehaved, `${status}, seed ${seed}, for ${mediaType} ${body.toString('base64')}`).toContain(status)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }),
    )
  }
  for (const status of [201, 400, 401, 422]) expect(statuses.get(status) ?? 0, `some must be ${status}`).toBeGreaterThan(0)
  expect(await expectNoForgery()).toBeGreaterThan(0)
})

const requestLines = [
  'POST /v1/events HTTP/1.1',
  'POST /v1/events HTTP/1.0',
  'POST /v1/events HTTP/9.9',
  'POST http://other.example/v1/events HTTP/1.1',
  'POST //v1/events HTTP/1.1',
  'POST /v1/events%00 HTTP/1.1',
  'POST /v1/events?id=%ff%fe HTTP/1.1',
  'POST /v1/events/%2e%2e/%2e%2e HTTP/1.1',
  'GET /v1/events/999999999999999999999 HTTP/1.1',
  'GET /log/tile/0/x999/x999/999.p/999 HTTP/1.1',
  'PUT /v1/events HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'CONNECT x:80 HTTP/1.1',
  'PRI * HTTP/2.0',
] as const
const strangeHeaders = [
  'Content-Length: 5',
  'Content-Length: -1',
  'Content-Length: 0x10',
  'Content-Length: 99999999999999999999',
  'Content-Length: 5, 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding : chunked',
  'Content-Type: application/jose+json; charset=utf-7',
  'Content-Type: ',
  'Content-Encoding: gzip',
  'Expect: 100-continue',
  'Expect: something',
  'Upgrade: websocket\r\nConnection: Upgrade',
  'Host: y',
  'Host: [::1',
  'Authorization: Bearer \x80\xff',
  'Accept-Language: zh;q=x, *;q=1e9,,,',
  ' folded: line',
  `X-Long: ${'a'.repeat(20_000)}`,
  'X-Many: 1\r\n'.repeat(500).trimEnd(),
] as const

async function rawRequest(random: Chance): Promise<Buffer> {
  const body = random.one([await bySender(event()), byStranger(random), ''])
  const headers = ['Host: x', 'Content-Type: application/jose', `Content-Length: ${body.length}`, 'Connection: close']
  for (let more = random.below(3); more > 0; more--)
    headers.splice(random.below(headers.length), random.below(2), random.one(strangeHeaders))
  const ending = random.one(['\r\n', '\r\n', '\r\n', '\n'])
  const chunked = `${body.length.toString(16)};${random.one(strangeTexts)}\r\n${body}\r\n0\r\n\r\n`
  const content = headers.some((line) => line.startsWith('Transfer-Encoding')) && random.below(2) === 0 ? chunked : body
  const bytes = Buffer.from([random.one(requestLines), ...headers, '', content].join(ending), 'latin1')
  return random.below(2) === 0 ? bytes : mangled(bytes, random)
}

/** Sends bytes, then ends; everything that came back. */
async function exchanged(bytes: Buffer): Promise<string> {
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  let answer = ''
  // a server that has answered and closed may reset what is still being sent
  socket.setEncoding('latin1').on('error', () => undefined)
  socket.on('data', (text: string) => (answer += text))
  socket.on('end', () => socket.end())
  const closed = once(socket, 'close')
  socket.end(bytes)
  await closed
  return answer
}

const requests = Math.ceil(mutations / 4)
it(`${requests} changed HTTP requests: never a 500, never a crash, and no forgery`, { timeout }, async () => {
  const random = chance(seed + 1)
  for (let done = 0; done < requests; done += atOnce) {
    const batch = await Promise.all(Array.from({ length: Math.min(atOnce, requests - done) }, () => rawRequest(random)))
    await Promise.all(
      batch.map(async (bytes) => {
        const answer = await exchanged(bytes)
        const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status))
        expect(
          statuses.filter((status) => status >= 500),
          `seed ${seed}, for ${bytes.toString('base64')}`,
        ).toEqual([])
        if (answer !== '') expect(answer).toMatch(/^HTTP\/1\.1 \d{3} /)
      }),
    )
  }
  expect(await exchanged(Buffer.from('GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))).toContain('200 OK')
  await expectNoForgery()
})

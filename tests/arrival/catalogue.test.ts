import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { catalogueDigests, readCatalogueFiles } from '../../src/catalogue/load.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/text.ts'
import { signOperation } from '../../src/identity/operation-request.ts'
import { signJws } from '../../src/identity/sign.ts'
import { catalogueFolder, shippedCatalogue } from '../support/catalogue-folder.ts'
import { cloudEventOf, examples } from '../support/examples.ts'
import { type Gateway, openGateway, origin } from '../support/gateway.ts'
import { statisticsCatalogue } from '../support/statistics-catalogue.ts'

let gateway: Gateway
let shipped: ReadonlyMap<string, string>
let statistics: ReadonlyMap<string, string>

beforeAll(async () => {
  gateway = await openGateway({ consume: false })
  shipped = await readCatalogueFiles(shippedCatalogue)
  statistics = await readCatalogueFiles(await statisticsCatalogue())
})
afterAll(() => gateway?.stop())

type Files = ReadonlyMap<string, string>

async function requestFor(
  files: Files,
  { party = 'operator', ...changed }: JsonObject & { party?: string } = {},
): Promise<string> {
  const payload = {
    action: 'apply-catalogue',
    files: catalogueDigests(files),
    reason: 'a test',
    log: origin,
    iat: Math.floor(Date.now() / 1000),
    jti: crypto.randomUUID(),
    ...changed,
  }
  return signJws(gateway.key(party), 'operation+jws', payload)
}

async function send(request: string, files: Files): Promise<{ status: number; body: Record<string, unknown> }> {
  const body = JSON.stringify({ request, files: Object.fromEntries(files) })
  const headers = { 'content-type': 'application/json' }
  const response = await gateway.request('/v1/operations/catalogue', { method: 'POST', headers, body })
  const answered: unknown = await response.json()
  return { status: response.status, body: isJsonObject(answered) ? answered : {} }
}

const apply = async (files: Files, changed?: JsonObject & { party?: string }) => send(await requestFor(files, changed), files)
const size = () => gateway.parts.log.size()
const changedCatalogue = async (change: (catalogue: Catalogue) => Catalogue) => readCatalogueFiles(await catalogueFolder(change))

describe('a request to put a catalogue in force', () => {
  const age = (seconds: number) => Math.floor(Date.now() / 1000) + seconds
  it.each<[string, JsonObject & { party?: string }, number, string]>([
    ['by a bureau', { party: 'commerce' }, 403, 'not-yours'],
    ['by an auditor', { party: 'auditor' }, 403, 'not-yours'],
    ['for another log', { log: 'elsewhere/log' }, 400, 'invalid-request'],
    ['for another action', { action: 'replay' }, 400, 'invalid-request'],
    ['without a reason', { reason: ' ' }, 400, 'invalid-request'],
    ['without a jti', { jti: '' }, 400, 'invalid-request'],
    ['of six minutes ago', { iat: age(-360) }, 400, 'invalid-request'],
    ['of tomorrow', { iat: age(86_400) }, 400, 'invalid-request'],
    ['over other files', { files: { 'catalogue.json': '00' } }, 400, 'invalid-request'],
  ])('%s is refused, and nothing is logged', async (_what, changed, status, code) => {
    const before = await size()
    expect(await apply(statistics, changed)).toMatchObject({ status, body: { code } })
    expect(await size()).toBe(before)
  })

  it('is no token, no event and no key proof, and none of them passes for it', async () => {
    const request = await signJws(gateway.key('operator'), 'access+jwt', { files: catalogueDigests(statistics) })
    expect(await send(request, statistics)).toMatchObject({ status: 401, body: { code: 'signature-invalid' } })
    const operation = await requestFor(statistics)
    const answer = await gateway.request('/v1/keys', { headers: { authorization: `Bearer ${operation}` } })
    expect(answer.status).toBe(401)
  })

  it('with a forged signature is refused', async () => {
    const request = await requestFor(statistics)
    const forged = `${request.slice(0, -4)}${request.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
    expect((await send(forged, statistics)).status).toBeGreaterThanOrEqual(400)
  })

  it.each([
    ['another media type', { 'content-type': 'text/plain' }, '{}', 415],
    ['no JSON', { 'content-type': 'application/json' }, 'x', 400],
    ['other members', { 'content-type': 'application/json' }, '{"request":1}', 400],
    ['a file name that leads out', { 'content-type': 'application/json' }, '{"request":"","files":{"../x.json":"{}"}}', 400],
    ['more than two MiB', { 'content-type': 'application/json' }, 'x'.repeat(2_200_000), 413],
  ])('with %s is refused', async (_what, headers, body, status) => {
    const answer = await gateway.request('/v1/operations/catalogue', { method: 'POST', headers, body })
    expect(answer.status).toBe(status)
  })
})

describe('a catalogue', () => {
  it('names all of its faults at once when it is refused', async () => {
    const path = await catalogueFolder((catalogue) => ({
      ...catalogue,
      types: catalogue.types.map((type, i) => (i < 2 ? { ...type, schema: `missing-${i}.json` } : type)),
    }))
    const { status, body } = await apply(await readCatalogueFiles(path))
    expect(status).toBe(422)
    expect(JSON.stringify(body.errors)).toMatch(/missing-0\.json.*missing-1\.json/)
  })

  it('comes into force with its entry, which carries the request and names every file', async () => {
    const request = await requestFor(statistics)
    const { status, body } = await send(request, statistics)
    expect(status).toBe(201)
    const { index } = body
    const entry = JSON.parse((await gateway.parts.log.entry(Number(index)))?.entry ?? '{}')
    expect(entry).toMatchObject({ kind: 'catalogue', files: catalogueDigests(statistics), request })
    for (const digest of Object.values(catalogueDigests(statistics))) expect(await gateway.parts.log.blob(digest)).toBeDefined()
    expect(gateway.parts.keeper.inForce.rules.parties.has('statistics')).toBe(true)
  })

  it('that is in force already adds no entry', async () => {
    const before = await size()
    expect(await apply(statistics)).toMatchObject({ status: 200, body: { applied: false, index: before - 1 } })
    expect(await size()).toBe(before)
  })

  it('can’t be brought back by sending an old request again', async () => {
    const first = await requestFor(shipped)
    expect((await send(first, shipped)).status).toBe(201)
    expect((await apply(statistics)).status).toBe(201)
    const before = await size()
    expect(await send(first, shipped)).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
    expect(await size()).toBe(before)
  })

  it('that two operators apply at the same moment becomes one entry', async () => {
    const before = await size()
    const answers = await Promise.all([apply(shipped), apply(shipped), apply(shipped)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201])
    expect(await size()).toBe(before + 1)
  })

  it('may lose a type until the log has an event of it', async () => {
    const [example] = examples()
    const without = await changedCatalogue((catalogue) => ({
      ...catalogue,
      types: catalogue.types.filter(
        ({ type }) => type !== 'registration.annual-report.v1' && type !== 'registration.imported.v1',
      ),
    }))
    expect((await apply(without)).status).toBe(201)
    const event = cloudEventOf(example ?? { type: '', source: '', subject: '', data: {} }, 'first', new Date())
    expect((await gateway.post(event, 'commerce')).status).toBe(201)
    const withoutUsed = await changedCatalogue((catalogue) => ({
      ...catalogue,
      types: catalogue.types.filter(({ type }) => type !== 'registration.established.v1'),
    }))
    const { status, body } = await apply(withoutUsed)
    expect(status).toBe(422)
    expect(JSON.stringify(body.errors)).toContain('registration.established.v1 is missing')
  })

  it('too large for an entry of the log is refused with a fault, not with a failure', async () => {
    const numbers = Array.from({ length: 400 }, (_, i) => String(i))
    const nameOf = (number: string) => `registration/extra-${number.padStart(80, '0')}.json`
    const path = await catalogueFolder(({ types, ...rest }) => ({
      ...rest,
      types: types.flatMap((type, i) => [
        type,
        ...(i > 0 ? [] : numbers.map((number) => ({ ...type, type: `registration.extra-${number}.v1`, schema: nameOf(number) }))),
      ]),
    }))
    for (const number of numbers) await writeFile(join(dirname(path), nameOf(number)), '{"type":"object"}')
    const { status, body } = await apply(await readCatalogueFiles(path))
    expect(status).toBe(422)
    expect(JSON.stringify(body.errors)).toContain('use fewer files')
  })

  it('is signed by the command the same way as by hand', async () => {
    const details = { files: catalogueDigests(shipped) }
    const request = await signOperation(gateway.key('operator'), {
      action: 'apply-catalogue',
      reason: 'back',
      log: origin,
      details,
    })
    expect((await send(request, shipped)).status).toBe(201)
  })
})

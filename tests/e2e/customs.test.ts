import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { customsCatalogue, customsExamples } from '../support/customs-catalogue.ts'
import { type Bureaus, bureausOf, indexOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy } from '../support/e2e-deployment.ts'
import { type Views, viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import { type Example, examples } from '../support/examples.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

const transfer = '09012600000001'
const transit = '09012600000002'
const customs = ['customs-regional', 'customs-port']
const others = ['commerce', 'state-tax', 'local-tax']

describe('customs, added by files alone', () => {
  let database: TestDatabase
  let deployment: Deployment
  let views: Views
  let bureaus: Bureaus
  let url: string
  let steps: readonly Example[]
  const indexes = new Map<string, number>()

  beforeAll(async () => {
    database = await testDatabase()
    deployment = await deploy({
      DATABASE_URL: database.url,
      CATALOGUE: await alsoReceivingRegistrations(await customsCatalogue()),
    })
    const exchange = await deployment.start(['serve'])
    url = exchange.url
    bureaus = await bureausOf(deployment.keysFolder())
    views = await viewsOf(database.url)
    steps = await customsExamples()
  })
  afterAll(async () => {
    await views?.close()
    await deployment?.close()
    await database?.close()
  })

  const step = (type: string): Example => {
    const found = steps.find((one) => one.type === type)
    if (found === undefined) throw new Error(`no example of ${type}`)
    return found
  }
  const refusal = async (example: Example) => {
    const { status, body } = await bureaus.post(url, example)
    return { status, code: body.code }
  }
  const fateOf = async (type: string) => {
    const { body } = await bureaus.get(url, `/v1/events/${indexes.get(type)}`, step(type).source)
    return body.fate
  }
  const recordsAt = (subject: string, lastType: string) =>
    Promise.all(
      customs.map(async (bureau) => {
        const { status, body } = await bureaus.record(url, bureau, 'transfer', subject)
        expect(status).toBe(200)
        expect(body.lastIndex).toBe(indexes.get(lastType))
        return body
      }),
    )

  it('takes a whole transfer and a whole transit, and refuses each step that is out of order', async () => {
    expect(await refusal(step('transfer.received.v1'))).toEqual({ status: 409, code: 'unknown-subject' })
    expect(await refusal(step('transit.departed.v1'))).toEqual({ status: 409, code: 'unknown-subject' })
    expect(await refusal({ ...step('transfer.issued.v1'), source: 'commerce' })).toEqual({
      status: 403,
      code: 'sender-not-allowed',
    })
    for (const example of steps) {
      if (example.type === 'transfer.received.v1') {
        expect(await refusal(step('transfer.lapsed.v1'))).toEqual({ status: 409, code: 'status-order' })
        expect(await refusal(step('transfer.issued.v1'))).toEqual({ status: 409, code: 'already-established' })
      }
      if (example.type === 'transit.departed.v1')
        expect(await refusal(step('transit.arrived.v1'))).toEqual({ status: 409, code: 'status-order' })
      indexes.set(example.type, indexOf(await bureaus.post(url, example)))
    }
    expect(await refusal(step('transfer.released.v1'))).toEqual({ status: 409, code: 'already-closed' })
    expect(await refusal(step('transit.arrived.v1'))).toEqual({ status: 409, code: 'already-closed' })
  })

  it('shows status and data of both in the views of both customs bureaus', async () => {
    await eventually(() => recordsAt(transit, 'transit.arrived.v1'))
    for (const record of await recordsAt(transfer, 'transfer.released.v1')) {
      expect(record).toMatchObject({
        status: 'released',
        layers: {},
        jurisdiction: '0901',
        firstIndex: indexes.get('transfer.issued.v1'),
      })
      expect(record.data).toEqual({ ...step('transfer.issued.v1').data, effectiveDate: '2026-11-21', quantity: '1.9' })
      expect(record.provenance).toMatchObject({
        quantity: { index: indexes.get('transfer.changed.v1'), source: 'customs-regional' },
        effectiveDate: { index: indexes.get('transfer.released.v1'), source: 'customs-port' },
      })
    }
    for (const record of await recordsAt(transit, 'transit.arrived.v1')) {
      expect(record.status).toBe('arrived')
      expect(record.data).toMatchObject({
        containerNumbers: ['XTXU0000019'],
        sealNumbers: ['SEAL00000002'],
        carrierCode: '210000001',
      })
    }
    await views.expectFold()
  })

  it('gives an event to the other customs bureau and to nobody else', async () => {
    const applied = { state: 'applied' }
    const none = { state: 'not-a-receiver' }
    for (const { type } of steps) {
      expect(await fateOf(type)).toEqual({
        'customs-regional': applied,
        'customs-port': applied,
        ...Object.fromEntries(others.map((id) => [id, none])),
      })
    }
    const index = indexes.get('transfer.issued.v1')
    for (const bureau of others) {
      expect((await bureaus.record(url, bureau, 'transfer', transfer)).status).toBe(404)
      expect((await bureaus.get(url, `/v1/bureaus/${bureau}/records/transfer`, bureau)).body.records).toEqual([])
      expect((await bureaus.get(url, `/v1/events/${index}`, bureau)).status).toBe(404)
      const stored = await views.everything(bureau)
      for (const secret of ['8402120000', 'SEAL0000000', 'XTXU0000019', '210000001']) expect(stored).not.toContain(secret)
    }
  })

  it('lets no ID number into the view of a customs bureau that receives registrations', async () => {
    for (const example of examples().slice(0, 7)) indexOf(await bureaus.post(url, example))
    await views.expectFold()
    const numbers = idNumbers(examples())
    expect(numbers.length).toBeGreaterThan(2)
    for (const bureau of customs) {
      const { status, body } = await bureaus.record(url, bureau, 'registration', '91210203XTEXT0018E')
      expect(status).toBe(200)
      expect(body.data).toMatchObject({ legalRepresentative: { name: '王海岸' } })
      const stored = await views.everything(bureau)
      for (const number of numbers) expect(stored).not.toContain(number)
    }
    const seenByTax = await views.everything('state-tax')
    for (const number of idNumbers(examples().slice(0, 1))) expect(seenByTax).toContain(number)
  })
})

/** Every registration goes to both customs bureaus too. */
async function alsoReceivingRegistrations(path: string): Promise<string> {
  const catalogue: Catalogue = JSON.parse(await readFile(path, 'utf8'))
  const types = catalogue.types.map((type) =>
    type.type.startsWith('registration.') ? { ...type, receivers: [...type.receivers, { to: 'group:customs' }] } : type,
  )
  await writeFile(path, JSON.stringify({ ...catalogue, types }))
  return path
}

function idNumbers(of: readonly Example[]): readonly string[] {
  const found = JSON.stringify(of).matchAll(/"idNumber":"([^"]+)"/g)
  return [...new Set([...found].map(([, number]) => number ?? ''))]
}

import { readFile, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/domain/text.ts'
import { registerKey } from '../../src/identity/key-request.ts'
import { generateKey, importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'
import { keyToAppend } from '../../src/log/key-append.ts'
import { aloneHours, maxDismissedAlone } from '../../src/operations/dismiss.ts'
import { eventually } from '../support/eventually.ts'
import { operate, readObject } from '../support/operate.ts'
import { openParkingGateway, type ParkingGateway } from '../support/parking-gateway.ts'
import { statisticsCatalogue } from '../support/statistics-catalogue.ts'

let gateway: ParkingGateway
let second: SigningKey
beforeEach(async () => {
  const cataloguePath = await statisticsCatalogue()
  const catalogue: JsonObject = JSON.parse(await readFile(cataloguePath, 'utf8'))
  await writeFile(cataloguePath, JSON.stringify({ ...catalogue, twoPersons: ['dismiss'] }))
  gateway = await openParkingGateway({ cataloguePath })
  second = await importSigningKey(await generateKey('ES256'))
  const entry = await registerKey(second, gateway.key('operator'), { party: 'operator', log: gateway.parts.origin })
  await gateway.group.append(keyToAppend(entry, gateway.parts.origin, () => new Date()))
})
afterEach(() => gateway.stop())

const dismiss = (indexes: readonly number[]) =>
  operate(
    gateway,
    '/v1/operations/dismissals',
    'dismiss',
    { bureau: 'local-tax', indexes },
    { reason: 'the first person’s reason' },
  )
const approve = (operation: number, by?: SigningKey) =>
  operate(gateway, '/v1/operations/proposals', 'approve', { operation }, { reason: 'I looked at it', ...(by ? { by } : {}) })
const proposals = async () => (await readObject(gateway, '/v1/operations/proposals', 'operator')).proposals
const headsParked = async () => (await gateway.parkedRows()).filter(({ cause }) => cause !== 'behind').map(({ index }) => index)

describe('a group is dismissed by two persons', () => {
  it('waits as a proposal, is not the proposer’s to approve, and is carried out once by another’s word', async () => {
    await gateway.park(3)
    const heads = await headsParked()
    const asked = await dismiss(heads)
    expect(asked).toMatchObject({ status: 201, body: { action: 'dismiss', waitsFor: 'approval' } })
    const operation = Number(asked.body.index)
    expect(await headsParked()).toEqual(heads)
    expect(await proposals()).toMatchObject([
      {
        id: operation,
        action: 'dismiss',
        party: 'operator',
        kid: gateway.key('operator').kid,
        reason: 'the first person’s reason',
        // who approves must know what
        details: { bureau: 'local-tax', indexes: heads },
      },
    ])

    expect(await approve(operation)).toMatchObject({ status: 403, body: { code: 'not-yours' } })
    expect(await headsParked()).toEqual(heads)

    expect(await approve(operation, second)).toMatchObject({ status: 201, body: { action: 'approve' } })
    expect(await gateway.parkedRows()).toEqual([])
    expect(await proposals()).toEqual([])
    // the record names the request and the reason of the first person
    const { fate } = await readObject(gateway, `/v1/events/${heads[0]}`, 'operator')
    expect(fate).toMatchObject({ 'local-tax': { state: 'dismissed', operation, reason: 'the first person’s reason' } })
    // a second approval finds nothing to do, and is not on record
    expect(await approve(operation, second)).toMatchObject({ status: 200, body: { carriedOut: false, state: 'approved' } })
    expect(await gateway.database.raw`select from view_local_tax.dismissed`).toHaveLength(3)
  })

  it('and a proposal that nobody approves, or that nobody made, dismisses nothing', async () => {
    await gateway.park(2)
    const heads = await headsParked()
    const operation = Number((await dismiss(heads)).body.index)
    expect((await approve(operation + 1000, second)).body).toMatchObject({ code: 'invalid-request' })
    await gateway.database.raw`
      update operations.proposals set created_at = created_at - interval '25 hours' where id = ${operation}`
    expect(await proposals()).toEqual([])
    expect((await approve(operation, second)).body).toMatchObject({ code: 'invalid-request' })
    expect(await headsParked()).toEqual(heads)
  })

  it('what waits for a second person is not dismissed from a view that is made anew, and what was approved is', async () => {
    await gateway.park(2)
    const heads = await headsParked()
    const [approved = -1] = heads
    // a second event makes it one that needs a second person
    const [behind = -1] = (await gateway.parkedRows()).map(({ index }) => index).filter((index) => !heads.includes(index))
    const operation = Number((await dismiss([approved, behind])).body.index)
    await approve(operation, second)
    const before = (await gateway.parkedRows()).map(({ index, cause }) => ({ index, cause }))
    expect((await dismiss(before.map(({ index }) => index))).body).toMatchObject({ waitsFor: 'approval' })
    const dismissed = () => gateway.database.raw`select index, operation from view_local_tax.dismissed order by index`
    expect(await dismissed()).toEqual([approved, behind].map((index) => ({ index, operation })))
    await gateway.database.raw.unsafe('drop schema view_local_tax cascade')
    await gateway.postCompanies(1, 2)
    await eventually(async () => (await gateway.parkedRows()).length === before.length + 2)
    expect(await dismissed()).toEqual([approved, behind].map((index) => ({ index, operation })))
    expect((await gateway.parkedRows()).slice(0, before.length)).toMatchObject(before)
  })

  it('though single events go alone, a group can not be dismissed by many single requests', async () => {
    await gateway.park(maxDismissedAlone + 2)
    const heads = await headsParked()
    const alone = heads.slice(0, maxDismissedAlone)
    for (const index of alone) {
      const { status, body } = await dismiss([index])
      expect(status).toBe(201)
      expect(body).not.toHaveProperty('waitsFor')
    }
    const [next = -1, last = -1] = heads.slice(maxDismissedAlone)
    const waiting = await dismiss([next])
    expect(waiting).toMatchObject({ status: 201, body: { waitsFor: 'approval' } })
    expect(await headsParked()).toEqual([next, last])
    await approve(Number(waiting.body.index), second)
    expect(await headsParked()).toEqual([last])
    // what two persons dismissed does not count, and a day later one may dismiss alone again
    await gateway.database.raw`
      update view_local_tax.dismissed set dismissed_at = dismissed_at - ${aloneHours} * interval '1 hour' where index = ${alone[0] ?? -1}`
    expect((await dismiss([last])).body).not.toHaveProperty('waitsFor')
    expect(await headsParked()).toEqual([])
  })
})

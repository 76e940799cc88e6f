import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signEvent } from '../../src/identity/sign.ts'
import { catalogueFolder } from '../support/catalogue-folder.ts'
import { bodyOf, establishment, type Gateway, openGateway, origin } from '../support/gateway.ts'

const day = 86_400_000

describe('an event that comes again', () => {
  let gateway: Gateway
  let clock = new Date()
  beforeAll(async () => {
    gateway = await openGateway({ consume: false, now: () => clock })
  })
  afterAll(() => gateway.stop())
  const size = () => gateway.parts.log.size()

  it('is answered with its first index and time, and adds nothing', async () => {
    const event = establishment(1)
    const first = await gateway.post(event, 'commerce')
    expect(first.status).toBe(201)
    const before = await size()
    const again = await gateway.post(event, 'commerce')
    expect(again.status).toBe(200)
    const { index, received, leafHash } = await bodyOf(first)
    expect(await bodyOf(again)).toMatchObject({ index, received, leafHash })
    expect(again.headers.get('location')).toBe(`/v1/events/${index}`)
    expect(await size()).toBe(before)
  })

  it('is answered so long after its time would be refused', async () => {
    const event = establishment(2)
    const { index } = await bodyOf(await gateway.post(event, 'commerce'))
    clock = new Date(Date.now() + 30 * day)
    try {
      const again = await gateway.post(event, 'commerce')
      expect([again.status, (await bodyOf(again)).index]).toEqual([200, index])
      expect((await gateway.post({ ...event, id: randomUUID() }, 'commerce')).status).toBe(422)
    } finally {
      clock = new Date()
    }
  })

  it('is a mistake when it says something else, even if that something breaks its schema', async () => {
    const event = establishment(3)
    await gateway.post(event, 'commerce')
    const changed = await gateway.post({ ...event, colour: 'red' }, 'commerce')
    expect(await bodyOf(changed)).toMatchObject({ status: 409, code: 'duplicate-id' })
    const spaced = await gateway.send(await signEvent(gateway.key('commerce'), Buffer.from(JSON.stringify(event, null, 1))))
    expect(await bodyOf(spaced), 'other bytes').toMatchObject({ code: 'duplicate-id' })
  })

  it('is judged by whose it is first: another sender’s id is another id', async () => {
    const event = establishment(4)
    await gateway.post(event, 'commerce')
    const foreign = await gateway.post({ ...event, source: '/bureaus/state-tax' }, 'state-tax')
    expect(await bodyOf(foreign)).toMatchObject({ status: 403, code: 'sender-not-allowed' })
  })

  it('may use the id of a refused one', async () => {
    const event = establishment(5)
    expect((await gateway.post({ ...event, colour: 'red' }, 'commerce')).status).toBe(422)
    expect((await gateway.post(event, 'commerce')).status).toBe(201)
  })
})

describe('a refusal', () => {
  let gateway: Gateway
  beforeAll(async () => {
    gateway = await openGateway({ consume: false })
  })
  afterAll(() => gateway.stop())
  const size = () => gateway.parts.log.size()

  it('of the same bytes for the same reason is one entry, however often they come', async () => {
    const compact = await signEvent(gateway.key('commerce'), { ...establishment(1), colour: 'red' })
    const { index } = await bodyOf(await gateway.send(compact))
    const before = await size()
    const together = await Promise.all(Array.from({ length: 5 }, async () => bodyOf(await gateway.send(compact))))
    expect(together.map((one) => one.index)).toEqual(Array(5).fill(index))
    expect(await size()).toBe(before)
  })

  it('is an entry again when the reason is another', async () => {
    const event = establishment(2)
    const compact = await signEvent(gateway.key('commerce'), event)
    expect((await gateway.post({ ...event, id: 'first' }, 'commerce')).status).toBe(201)
    const first = await bodyOf(await gateway.send(compact))
    expect(first.code).toBe('already-established')
    const other = await gateway.send(await signEvent(gateway.key('commerce'), { ...establishment(3), id: event.id }))
    expect(other.status).toBe(201)
    const second = await bodyOf(await gateway.send(compact))
    expect(second.code).toBe('duplicate-id')
    expect(second.index).not.toBe(first.index)
  })

  it('of what nobody signed is counted, and is no entry', async () => {
    const before = await size()
    expect((await gateway.send('noise')).status).toBe(400)
    expect((await gateway.send('e30.e30.')).status).toBe(401)
    expect(await size()).toBe(before)
    const text = await (await gateway.get('/metrics')).text()
    expect(text).toMatch(/lianban_requests_refused_total\{code="malformed"\} 1\n/)
    expect(text).toMatch(/lianban_requests_refused_total\{code="signature-invalid"\} 1\n/)
  })
})

describe('a catalogue that demands aud', () => {
  it('has events without it refused, and those to this log taken', async () => {
    const cataloguePath = await catalogueFolder((shipped) => ({ ...shipped, audience: 'required' }))
    const gateway = await openGateway({ cataloguePath, consume: false })
    try {
      const bare = await gateway.post(establishment(1), 'commerce')
      expect(await bodyOf(bare)).toMatchObject({ status: 401, code: 'signature-invalid' })
      const addressed = await signEvent(gateway.key('commerce'), establishment(1), { aud: origin })
      expect((await gateway.send(addressed)).status).toBe(201)
    } finally {
      await gateway.stop()
    }
  })
})

import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { bodyOf, establishment, openGateway } from '../support/gateway.ts'

it('an id may be any 128 characters, also such as take two units each, and is found again', async () => {
  const gateway = await openGateway({ consume: false })
  try {
    const id = `${'𠮷'.repeat(90)}${randomUUID()}`
    const event = { ...establishment(22), id }
    const first = await gateway.post(event, 'commerce')
    expect(first.status).toBe(201)
    expect((await gateway.get(`/v1/events?id=${encodeURIComponent(id)}`, 'commerce')).status).toBe(200)
    const again = await gateway.post(event, 'commerce')
    expect([again.status, (await bodyOf(again)).index]).toEqual([200, (await bodyOf(first)).index])
  } finally {
    await gateway.stop()
  }
})

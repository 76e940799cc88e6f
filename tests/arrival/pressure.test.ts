import { expect, it } from 'vitest'
import { defaultBounds, FairTurns } from '../../src/arrival/fair-turns.ts'
import { registerKey } from '../../src/identity/key-request.ts'
import { signEvent, signJws } from '../../src/identity/sign.ts'
import { maxWaiting } from '../../src/log/group-commit.ts'
import { newKey } from '../identity/parties.ts'
import { eventually } from '../support/eventually.ts'
import { bodyOf, establishment, type Gateway, openGateway, origin } from '../support/gateway.ts'

const { atOnce, waitingOfLane } = defaultBounds

/** Holds the log's head from another connection while a test runs. */
async function whileHeld(gateway: Gateway, run: () => Promise<void>): Promise<void> {
  const connection = await gateway.database.raw.reserve()
  try {
    await connection`begin`
    await connection`select 1 from log.head for update`
    await run()
  } finally {
    await connection`rollback`
    connection.release()
  }
}

it('a party whose queue is full gets 429 with Retry-After, others are still served, and nothing taken is lost', async () => {
  // a busy machine may take longer than a turn may be waited for to bring a thousand requests there
  const gateway = await openGateway({ consume: false, parts: { turns: new FairTurns({ ...defaultBounds, waitMs: 60_000 }) } })
  try {
    const compact = await signEvent(gateway.key('commerce'), establishment(1))
    const other = await signEvent(gateway.key('state-tax'), { ...establishment(2), source: '/bureaus/state-tax' })
    const taken: Promise<Response>[] = []
    await whileHeld(gateway, async () => {
      // those of the first batch wait for the database, no longer in the queue
      taken.push(gateway.send(compact))
      await eventually(async () => (await waitingForHead(gateway)) > 0)
      for (let i = 0; i < atOnce - 1 + waitingOfLane; i++) taken.push(gateway.send(compact))
      await eventually(async () => gateway.turns.waiting === waitingOfLane)
      const refused = await gateway.send(compact)
      expect(await bodyOf(refused)).toMatchObject({ status: 429, code: 'too-many-requests', retryable: true })
      expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      taken.push(gateway.send(other))
      await eventually(async () => gateway.turns.waiting === waitingOfLane + 1)
    })
    const statuses = (await Promise.all(taken)).map(({ status }) => status)
    expect(statuses.slice(0, -1).sort()).toEqual([...Array(atOnce - 1 + waitingOfLane).fill(200), 201])
    expect(statuses.at(-1)).toBe(403)
    expect((await gateway.send(compact)).status, 'and room is there again').toBe(200)
  } finally {
    await gateway.stop()
  }
})

it('a full queue is 503 with Retry-After for everybody', async () => {
  const gateway = await openGateway({ consume: false })
  try {
    const compact = await signEvent(gateway.key('commerce'), establishment(1))
    const item = (n: number) => ({ kind: 'operation', party: `party-${n % 8}`, digest: Buffer.from([n % 8]) }) as const
    const taken: Promise<unknown>[] = []
    await whileHeld(gateway, async () => {
      taken.push(gateway.send(compact))
      await eventually(async () => (await waitingForHead(gateway)) > 0)
      for (let n = 0; n < maxWaiting; n++)
        taken.push(gateway.group.append({ ...item(n), text: (received) => JSON.stringify({ kind: 'operation', received }) }))
      const refused = await gateway.send(compact)
      expect(await bodyOf(refused)).toMatchObject({ status: 503, code: 'overloaded', retryable: true })
      expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    })
    await Promise.all(taken)
    expect((await gateway.send(compact)).status).toBe(200)
  } finally {
    await gateway.stop()
  }
})

it('a database that hangs up is 503, and the same event is stored once when it is back', async () => {
  const gateway = await openGateway({ consume: false })
  try {
    const event = establishment(1)
    await gateway.post(establishment(2), 'commerce')
    let answer: Promise<Response> | undefined
    await whileHeld(gateway, async () => {
      answer = gateway.post(event, 'commerce')
      await eventually(async () => (await waitingForHead(gateway)) > 0)
      await gateway.database.raw`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`
    })
    expect(await bodyOf((await answer) ?? new Response('{}'))).toMatchObject({ status: 503, code: 'overloaded' })
    expect((await gateway.post(event, 'commerce')).status).toBe(201)
  } finally {
    await gateway.stop()
  }
})

it('a stopping gateway takes nothing more and answers what it took', async () => {
  const gateway = await openGateway({ consume: false })
  const taken: Promise<Response>[] = []
  let closing: Promise<void> | undefined
  try {
    await whileHeld(gateway, async () => {
      taken.push(gateway.post(establishment(0), 'commerce'))
      await eventually(async () => (await waitingForHead(gateway)) > 0)
      for (let n = 1; n < 20; n++) taken.push(gateway.post(establishment(n), 'commerce'))
      await eventually(async () => gateway.group.waiting === 19)
      closing = gateway.group.close()
      const late = await gateway.post(establishment(99), 'commerce')
      expect([late.status, late.headers.get('retry-after')]).toEqual([503, '1'])
    })
    await closing
    expect((await Promise.all(taken)).map(({ status }) => status)).toEqual(Array(20).fill(201))
  } finally {
    await gateway.stop()
  }
})

it('a key request that nobody in force has signed never comes near the log’s lock', async () => {
  const gateway = await openGateway({ consume: false })
  try {
    const stranger = await newKey()
    const forged = await registerKey(await newKey(), stranger, { party: 'commerce', log: origin })
    const revocation = { action: 'revoke', party: 'commerce', kid: gateway.key('commerce').kid, reason: 'x', log: origin, iat: 0 }
    await whileHeld(gateway, async () => {
      for (const body of [forged.proof, await signJws(stranger, 'key-revocation+jws', revocation)]) {
        const init = { method: 'POST', body, headers: { 'content-type': 'application/jose' } }
        expect(await bodyOf(await gateway.request('/v1/keys', init))).toMatchObject({ status: 401, code: 'signature-invalid' })
      }
    })
  } finally {
    await gateway.stop()
  }
})

async function waitingForHead(gateway: Gateway): Promise<number> {
  const rows = await gateway.database.raw`
    select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  return rows.length
}

it('signatures are checked on the event loop for a party whose last one fitted; forged ones in its name go to the threads', async () => {
  const gateway = await openGateway({ consume: false })
  try {
    const { fitting } = gateway.parts
    expect((await gateway.post(establishment(1), 'commerce')).status).toBe(201)
    expect([...fitting]).toEqual(['commerce'])
    const genuine = await signEvent(gateway.key('commerce'), establishment(2))
    const other = await signEvent(gateway.key('commerce'), establishment(3))
    const forged = genuine.slice(0, genuine.lastIndexOf('.')) + other.slice(other.lastIndexOf('.'))
    let atOnceOfForged = 0
    const looking = setInterval(() => {
      atOnceOfForged = Math.max(atOnceOfForged, gateway.turns.taken)
    }, 0)
    const answers = await Promise.all(Array.from({ length: 200 }, () => gateway.send(forged)))
    clearInterval(looking)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
    expect([...fitting]).toEqual([])
    // on the event loop each would be refused before the next is looked at
    expect(atOnceOfForged).toBeGreaterThan(4)
    expect((await gateway.send(genuine)).status).toBe(201)
    expect([...fitting]).toEqual(['commerce'])
  } finally {
    await gateway.stop()
  }
})

import postgres, { type Sql } from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Bus } from '../../src/bus/bus.ts'
import { partitionOf } from '../../src/bus/partition.ts'
import type { KindTopics } from '../../src/bus/topics.ts'
import { appendEvents, appendRefusals } from '../support/append-events.ts'
import { createSubscriber, partitions, type TestSubscriber, topic } from '../support/bus-subscriber.ts'
import { eventually } from '../support/eventually.ts'
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts'

export const kinds: KindTopics = () => new Map([['registration', { topic, partitions }]])

/** Fourteen subjects in turn, so that every partition has several. */
export function subjects(count: number, from = 0): readonly string[] {
  return Array.from({ length: count }, (_, i) => `9121020000000000${10 + ((from + i) % 14)}`)
}

/** All events up to `size` exactly once, and in index order within each partition. */
export async function expectAllOnceInOrder(subscriber: TestSubscriber, indexes: readonly number[]): Promise<void> {
  const applied = await subscriber.applied()
  expect(applied.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(indexes)
  for (let partition = 0; partition < partitions; partition++) {
    const own = applied.filter((one) => one.partition === partition).map(({ index }) => index)
    expect(own).toEqual(own.toSorted((a, b) => a - b))
  }
}

export const upTo = (size: number) => Array.from({ length: size }, (_, i) => i)

/**
 * What every bus promises.
 *
 * @param open a bus on the log of a database; buses of one test share a broker's topics and groups, tests don't
 */
export function busContract(name: string, open: (on: { sql: Sql; test: string; heartbeatMs: number }) => Promise<Bus>): void {
  describe(`the ${name} bus`, () => {
    let database: TestDatabase
    let sql: Sql
    let test: string
    let buses: Bus[]
    let tests = 0

    beforeEach(async () => {
      database = await migratedDatabase()
      sql = postgres(database.url, { max: 12, onnotice: () => undefined })
      test = `${process.pid}-${Date.now()}-${tests++}`
      buses = []
    })

    afterEach(async () => {
      await Promise.all(buses.map((bus) => bus.close()))
      await sql.end({ timeout: 5 })
      await database.close()
    })

    const opened = async (heartbeatMs = 10_000) => {
      const bus = await open({ sql, test, heartbeatMs })
      buses.push(bus)
      return bus
    }

    it('brings every event to every bureau once, in order, whether it was there before or came later', async () => {
      await appendEvents(sql, 0, subjects(120))
      const bus = await opened()
      const bureaus = await Promise.all(['commerce', 'state-tax', 'local-tax'].map((bureau) => createSubscriber(sql, bureau)))
      bus.publish()
      for (const subscriber of bureaus) bus.consume(subscriber)
      for (let size = 120; size < 240; size += 7) await appendEvents(sql, size, subjects(Math.min(7, 240 - size), size))
      for (const subscriber of bureaus) {
        await eventually(() => expectAllOnceInOrder(subscriber, upTo(240)))
        expect((await subscriber.applied()).every(({ index, entry }) => entry.includes(`"jws":"${index}.`))).toBe(true)
      }
    })

    it('passes over entries that are no events', async () => {
      await appendRefusals(sql, 0, 1200)
      await appendEvents(sql, 1200, subjects(3))
      await appendRefusals(sql, 1203, 1200)
      await appendEvents(sql, 2403, subjects(2))
      const bus = await opened()
      const subscriber = await createSubscriber(sql, 'commerce')
      bus.publish()
      bus.consume(subscriber)
      await eventually(() => expectAllOnceInOrder(subscriber, [1200, 1201, 1202, 2403, 2404]))
    })

    it('tells every partition how far it is complete, at once and again when nothing but refusals come', async () => {
      await appendEvents(sql, 0, subjects(30))
      const bus = await opened(50)
      const subscriber = await createSubscriber(sql, 'commerce')
      bus.publish()
      bus.consume(subscriber)
      const heard = (size: number) =>
        eventually(async () => {
          expect([...subscriber.heard.keys()].toSorted()).toEqual([0, 1, 2, 3])
          for (const heartbeat of subscriber.heard.values()) expect(heartbeat.size).toBe(size)
        })
      await heard(30)
      await expectAllOnceInOrder(subscriber, upTo(30))
      await appendRefusals(sql, 30, 5)
      await heard(35)
      const last = (partition: number) => upTo(30).findLast((i) => partitionOf(subjects(1, i)[0] ?? '', partitions) === partition)
      for (const { partition, previous } of subscriber.heard.values())
        if (previous !== undefined) expect({ partition, previous }).toEqual({ partition, previous: last(partition) })
    })

    it('sends heartbeats no faster than it was told, however much happens', async () => {
      const bus = await opened(3_600_000)
      const subscriber = await createSubscriber(sql, 'commerce')
      bus.publish()
      bus.consume(subscriber)
      await eventually(async () => subscriber.heartbeats === partitions)
      for (let size = 0; size < 100; size += 10) {
        await appendEvents(sql, size, subjects(10, size))
        await eventually(() => expectAllOnceInOrder(subscriber, upTo(size + 10)))
      }
      expect(subscriber.heartbeats).toBe(partitions)
    })

    it('begins where the stored positions say, not where the bus was before', async () => {
      await appendEvents(sql, 0, subjects(60))
      const bus = await opened()
      const subscriber = await createSubscriber(sql, 'commerce')
      bus.publish()
      const first = bus.consume(subscriber)
      await eventually(() => expectAllOnceInOrder(subscriber, upTo(60)))
      await first.stop()
      await subscriber.rewind(20)
      bus.consume(subscriber)
      await eventually(() => expectAllOnceInOrder(subscriber, upTo(60)))
    })

    it('repeats a delivery after a crash between apply() and what comes next, and skips none', async () => {
      await appendEvents(sql, 0, subjects(30))
      const bus = await opened()
      const subscriber = await createSubscriber(sql, 'commerce')
      let applies = 0
      subscriber.after = async () => {
        applies += 1
        if (applies % 2 === 1) throw new Error('crashed after the commit')
      }
      bus.publish()
      bus.consume(subscriber)
      await eventually(() => expectAllOnceInOrder(subscriber, upTo(30)))
      await appendEvents(sql, 30, subjects(10, 30))
      await eventually(() => expectAllOnceInOrder(subscriber, upTo(40)))
      await appendEvents(sql, 40, subjects(10, 40))
      await eventually(() => expectAllOnceInOrder(subscriber, upTo(50)))
      expect(applies).toBeGreaterThanOrEqual(3)
    })

    it('waits and delivers the same again while the machine of the view fails', async () => {
      await appendEvents(sql, 0, subjects(30))
      const bus = await opened()
      const subscriber = await createSubscriber(sql, 'commerce')
      let broken = true
      subscriber.before = async () => {
        if (broken) throw new Error('database away')
      }
      bus.publish()
      const consumption = bus.consume(subscriber)
      await eventually(async () => subscriber.calls >= 3)
      expect(consumption.state()).toBe('waiting')
      expect(await subscriber.applied()).toEqual([])
      broken = false
      await eventually(() => expectAllOnceInOrder(subscriber, upTo(30)))
      await eventually(async () => consumption.state() === 'running')
    })

    it('lets two processes consume for one bureau without applying anything twice', async () => {
      const [one, other] = [await opened(), await opened()]
      const subscribers = [await createSubscriber(sql, 'commerce'), await createSubscriber(sql, 'commerce')] as const
      one.publish()
      const first = one.consume(subscribers[0])
      other.consume(subscribers[1])
      for (let size = 0; size < 200; size += 10) await appendEvents(sql, size, subjects(10, size))
      await eventually(() => expectAllOnceInOrder(subscribers[0], upTo(200)))
      await first.stop()
      await appendEvents(sql, 200, subjects(20, 200))
      await eventually(() => expectAllOnceInOrder(subscribers[0], upTo(220)))
    })

    it('applies nothing after stop() has returned', async () => {
      const bus = await opened()
      const subscriber = await createSubscriber(sql, 'commerce')
      bus.publish()
      const consumption = bus.consume(subscriber)
      await appendEvents(sql, 0, subjects(10))
      await eventually(() => expectAllOnceInOrder(subscriber, upTo(10)))
      await consumption.stop()
      const { calls } = subscriber
      await appendEvents(sql, 10, subjects(10, 10))
      const witness = await createSubscriber(sql, 'state-tax')
      bus.consume(witness)
      await eventually(() => expectAllOnceInOrder(witness, upTo(20)))
      expect(subscriber.calls).toBe(calls)
    })
  })
}

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Position } from '../../src/bus/bus.ts'
import { partitionOf } from '../../src/bus/partition.ts'
import { lagOf } from '../../src/view/lag.ts'
import { companies } from '../support/companies.ts'
import { cloudEventOf } from '../support/examples.ts'
import { type Gateway, openGateway } from '../support/gateway.ts'

const topic = 'registration'
const brokerTopic = 'test.registration'
let gateway: Gateway
/** of the log's events: where they are, and in which partition */
let logged: readonly { readonly index: number; readonly partition: number }[]
let size: number

beforeAll(async () => {
  gateway = await openGateway({ consume: false })
  for (const event of companies(3)) await gateway.post(cloudEventOf(event, randomUUID(), new Date()), event.source)
  const { raw } = gateway.database
  const rows = await raw<
    { index: number; subject: string }[]
  >`select index, subject from log.entries where kind = 'event' order by index`
  logged = rows.map(({ index, subject }) => ({ index, partition: partitionOf(subject, 12) }))
  size = (logged.at(-1)?.index ?? 0) + 1
})
afterAll(() => gateway.stop())

const last = (partition: number) => logged.findLast((one) => one.partition === partition)?.index ?? -1
const positions = (indexOf: (partition: number) => number, broker?: Position['broker']): readonly Position[] =>
  Array.from({ length: 12 }, (_, partition) => ({ topic, partition, index: indexOf(partition), broker }))
const heard = (heardSize: number | null) => Array.from({ length: 12 }, (_, partition) => ({ topic, partition, heardSize }))
const lag = async (at: readonly Position[], by: ReturnType<typeof heard>) =>
  (await lagOf(gateway.database.raw, gateway.parts.keeper.inForce.rules, at, partitionOf, by)).events

it('without a broker, what the consumer has read up to its heartbeat is not looked at again', async () => {
  expect(logged).toHaveLength(6)
  const nowhere = positions(() => -1)
  expect(await lag(nowhere, heard(null))).toBe(6)
  // no consumer leaves such a view: it shows what was not looked at
  expect(await lag(nowhere, heard(size))).toBe(0)
  expect(await lag(nowhere, heard((logged[3]?.index ?? 0) + 1))).toBe(2)
  expect(await lag(positions(last), heard(0))).toBe(0)
})

it('a heartbeat that knows of more than the log has is of another log', async () => {
  expect(
    await lag(
      positions(() => -1),
      heard(size + 1),
    ),
  ).toBe(6)
})

it('what a broker’s heartbeat says hides no lag; the publisher’s notes spare a partition that is quiet, and no other', async () => {
  const { raw } = gateway.database
  const broker = { topic: brokerTopic, nextOffset: 1 }
  expect(
    await lag(
      positions(() => -1, broker),
      heard(size),
    ),
  ).toBe(6)
  const lastIndexes = Array.from({ length: 12 }, (_, partition) => last(partition))
  await raw`insert into log.published (topic, partitions, index, last_indexes) values (${brokerTopic}, 12, ${size - 1}, ${raw.json(lastIndexes)})`
  expect(
    await lag(
      positions(() => -1, broker),
      heard(size),
    ),
  ).toBe(6)
  expect(await lag(positions(last, broker), heard(size))).toBe(0)
  const [first] = logged
  const behind = logged.filter(({ partition }) => partition === first?.partition).length
  expect(behind).toBeLessThan(6)
  expect(
    await lag(
      positions((partition) => (partition === first?.partition ? -1 : last(partition)), broker),
      heard(size),
    ),
  ).toBe(behind)
  // as if nothing had been in the topic: then nothing is missing
  await raw`update log.published set last_indexes = ${raw.json(lastIndexes.map(() => -1))}`
  expect(
    await lag(
      positions(() => -1, broker),
      heard(size),
    ),
  ).toBe(0)
})

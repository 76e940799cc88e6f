// How much of a core clients of Kafka take that have nothing to do, with and without kafkajs's own timer (src/bus/idle-timer.ts).
//
//   KAFKA_BROKERS=127.0.0.1:9092 node bench/idle.mjs [--seconds 15]
//
// A process of its own for each way, with an administrator, a producer and three consumers.
import { execFileSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { withoutIdleTimer } from '../dist/bus/idle-timer.js'

const { values: flags } = parseArgs({ options: { seconds: { type: 'string', default: '15' }, way: { type: 'string' } } })
if (flags.way === undefined)
  for (const way of ['with', 'without'])
    execFileSync(process.execPath, [import.meta.filename, '--seconds', flags.seconds, '--way', way], { stdio: 'inherit' })
else await measure(flags.way, Number(flags.seconds))

async function measure(way, seconds) {
  if (way === 'without') withoutIdleTimer()
  const topic = `idle-${process.pid}`
  const kafka = new Kafka({ brokers: process.env.KAFKA_BROKERS.split(','), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 12 }] })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: [{ value: 'x' }] })
  const consumers = Array.from({ length: 3 }, (_, i) => kafka.consumer({ groupId: `${topic}-${i}`, maxWaitTimeInMs: 500 }))
  for (const consumer of consumers) {
    await consumer.connect()
    await consumer.subscribe({ topic })
    await consumer.run({ eachMessage: async () => {} })
  }
  await pause(8_000) // until they have joined
  const before = process.cpuUsage()
  await pause(seconds * 1000)
  const { user, system } = process.cpuUsage(before)
  console.log(`${way} the timer: ${((user + system) / 1e4 / seconds).toFixed(1)} % of a core`)
  for (const client of [...consumers, producer, admin]) await client.disconnect()
}

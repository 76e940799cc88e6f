import { setTimeout as pause } from 'node:timers/promises'
import type { Kafka, Producer } from 'kafkajs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { connectKafka } from '../../src/bus/kafka-client.ts'
import { keepingLog } from '../support/bus-log.ts'
import { describeWithKafka, sharedKafka } from '../support/kafka.ts'

describeWithKafka('a client of Kafka that has nothing to send', () => {
  const topic = `idle-${process.pid}-${Date.now()}`
  let kafka: Kafka
  let producer: Producer

  beforeAll(async () => {
    kafka = connectKafka({ brokers: (await sharedKafka())?.split(',') ?? [] }, keepingLog())
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
    await admin.disconnect()
    // of two requests at once the second has to wait
    producer = kafka.producer({ maxInFlightRequests: 1 })
    await producer.connect()
    await producer.send({ topic, messages: [{ value: 'first' }] })
  })

  afterAll(() => producer.disconnect())

  test('sets no timer every millisecond', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout')
    await pause(300)
    const ofMilliseconds = timers.mock.calls.filter(([, delayMs]) => (delayMs ?? 0) <= 1)
    timers.mockRestore()
    expect(ofMilliseconds.length).toBeLessThan(10)
  })

  test('still sends what had to wait', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => producer.send({ topic, messages: [{ value: String(n) }] })),
    )
    expect(answers).toHaveLength(50)
  })
})

import { randomUUID } from 'node:crypto'
import type { Kafka } from 'kafkajs'
import { eventually } from './eventually.ts'

export interface TopicEvent {
  readonly partition: number
  readonly index: number
  readonly previous: number
}

/** Every event in a topic, in the order of each partition, as a consumer reads it that knows nothing but the headers. */
export async function readTopicEvents(kafka: Kafka, topic: string): Promise<readonly TopicEvent[]> {
  const admin = kafka.admin()
  await admin.connect()
  const ends = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect())
  const left = new Map(ends.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, Number(high)]))
  const read: TopicEvent[] = []
  const consumer = kafka.consumer({ groupId: `looker-on-${randomUUID()}` })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ partition, message: { headers = {}, offset } }) => {
        const header = (name: string) => String(headers[name])
        if (header('lianban_message') === 'event')
          read.push({ partition, index: Number(header('lianban_index')), previous: Number(header('lianban_previous')) })
        if (Number(offset) + 1 >= (left.get(partition) ?? 0)) left.delete(partition)
      },
    })
    await eventually(async () => left.size === 0)
    return read
  } finally {
    await consumer.disconnect()
  }
}

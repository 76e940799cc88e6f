// The bare baseline: a Hono handler that parses the JSON and produces it to Kafka with acks=all, collecting what arrives while a
// sendBatch is under way. It checks nothing and keeps nothing; no exchange can be faster with the same libraries.
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { Kafka, Partitioners } from 'kafkajs'
import { withoutIdleTimer } from '../dist/bus/idle-timer.js'

withoutIdleTimer()

const topic = `bare-${process.pid}`
const kafka = new Kafka({ brokers: process.env.KAFKA_BROKERS.split(','), logLevel: 1 })
const admin = kafka.admin()
await admin.connect()
await admin.createTopics({ topics: [{ topic, numPartitions: 12 }] })
await admin.disconnect()
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, maxInFlightRequests: 1 })
await producer.connect()

let waiting = []
let sending = false

function produce(message) {
  return new Promise((resolve, reject) => {
    waiting.push({ message, resolve, reject })
    if (!sending) sendAll()
  })
}

async function sendAll() {
  sending = true
  await new Promise((resolve) => setImmediate(resolve))
  while (waiting.length > 0) {
    const batch = waiting
    waiting = []
    try {
      await producer.sendBatch({ acks: -1, topicMessages: [{ topic, messages: batch.map(({ message }) => message) }] })
      for (const { resolve } of batch) resolve()
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
  sending = false
}

const app = new Hono()
app.post('/v1/events', async (c) => {
  const event = await c.req.json()
  await produce({ key: event.subject, value: JSON.stringify(event) })
  return c.json({ id: event.id }, 201)
})
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT) }, () => console.log('ready'))
process.once('SIGTERM', () => process.exit(0))

// The load generator, a process of its own: takes one task over IPC, answers with its figures and ends.
//
// It writes prepared requests to plain sockets and reads no more of an answer than it must, so that it takes little of the
// machine that it measures.
import { createConnection } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { partitionOf } from '../dist/bus/partition.js'
import { connect } from '../dist/database/connect.js'
import { establishment, signerOf, taxRegistration } from './companies.mjs'
import { quantiles } from './quantiles.mjs'

process.once('message', async (task) => {
  const answer = await run(task)
  process.send(answer, () => process.disconnect())
})

/**
 * @param task.bare posts the events as JSON to the bare baseline instead of signed ones
 * @param task.count events at most; or `perSecond` and `seconds` of them at a steady rate
 * @param task.party `state-tax` sends registrations of companies that commerce has established before, with the same numbers
 * @param task.patient waits as long as Retry-After says before a connection sends again
 * @param task.watch database whose views are watched until they show every event
 */
async function run(task) {
  const { url, keys, connections, count, seconds, perSecond, from, watch } = task
  const { bare = false, party = 'commerce', patient = false } = task
  const posts = perSecond === undefined ? count : Math.ceil(perSecond * seconds)
  const requests = prepare({ url, keys, posts, from, bare, party })
  const watching = watch === undefined ? undefined : await watchViews(watch)
  const lanes = await Promise.all(Array.from({ length: connections }, () => openLane(url)))
  const cpuBefore = process.cpuUsage()
  const began = performance.now()
  const outcome = { latencies: [], byStatus: {} }
  const send = async (lane, request, due) => {
    const { status, index, retryAfterMs } = await lane.exchange(request.bytes)
    const now = performance.now()
    outcome.byStatus[status] = (outcome.byStatus[status] ?? 0) + 1
    if (patient && retryAfterMs > 0) await pause(retryAfterMs)
    if (status !== 201) return
    outcome.latencies.push(now - due)
    watching?.expect({ index, subject: request.subject, due })
  }
  if (perSecond === undefined) await saturate(lanes, requests, began + seconds * 1000, send)
  else await pace(lanes, requests, began, perSecond, send)
  const posting = (performance.now() - began) / 1000
  for (const lane of lanes) lane.close()
  const accepted = outcome.latencies.length
  const cpu = process.cpuUsage(cpuBefore)
  const cpuSeconds = (cpu.user + cpu.system) / 1e6
  const figures = {
    accepted,
    byStatus: outcome.byStatus,
    perSecond: accepted / posting,
    cpuSeconds,
    ...quantiles(outcome.latencies),
  }
  if (watching === undefined) return figures
  const { times, lagAtEnd, seconds: all } = await watching.finish(began)
  return { ...figures, visible: { ...quantiles(times), lagAtEnd, perSecond: accepted / all } }
}

function prepare({ url, keys, posts, from, bare, party }) {
  const { host } = new URL(url)
  const signed = bare ? JSON.stringify : signerOf(keys, party)
  const make = party === 'commerce' ? establishment : taxRegistration
  const type = bare ? 'application/json' : 'application/jose'
  return Array.from({ length: posts }, (_, i) => {
    const event = make(from + i)
    const body = signed(event)
    const head = `POST /v1/events HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`
    return { subject: event.subject, bytes: Buffer.from(head + body) }
  })
}

/** Each connection sends its next as soon as it is answered. */
async function saturate(lanes, requests, until, send) {
  let next = 0
  const sender = async (lane) => {
    while (next < requests.length && performance.now() < until) await send(lane, requests[next++], performance.now())
  }
  await Promise.all(lanes.map(sender))
}

/** A post is due whether or not earlier ones are answered; its latency counts from when it was due. */
async function pace(lanes, requests, began, perSecond, send) {
  const free = [...lanes]
  const waiting = []
  const under = new Set()
  for (const [i, request] of requests.entries()) {
    const due = began + (i * 1000) / perSecond
    if (due > performance.now()) await pause(due - performance.now())
    const lane = free.pop() ?? (await new Promise((resolve) => waiting.push(resolve)))
    const sending = send(lane, request, due).then(() => {
      under.delete(sending)
      const wanting = waiting.shift()
      if (wanting === undefined) free.push(lane)
      else wanting(lane)
    })
    under.add(sending)
  }
  await Promise.all(under)
}

/** One connection that carries one request after the other. */
function openLane(url) {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port), noDelay: true })
    let waiting
    let received = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      received += chunk
      const answer = wholeAnswer(received)
      if (answer === undefined) return
      received = ''
      waiting?.resolve(answer)
    })
    socket.once('error', (error) => (waiting?.reject ?? reject)(error))
    socket.once('close', () => waiting?.reject(new Error('the server closed the connection')))
    socket.once('connect', () =>
      resolve({
        exchange: (bytes) =>
          new Promise((answered, failed) => {
            waiting = { resolve: answered, reject: failed }
            socket.write(bytes)
          }),
        close: () => {
          waiting = undefined
          socket.destroy()
        },
      }),
    )
  })
}

function wholeAnswer(text) {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1])
  if (Number.isNaN(length)) throw new Error('an answer has no Content-Length')
  if (text.length < end + 4 + length) return undefined
  const retryAfterMs = 1000 * Number(/\r\nretry-after: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0)
  return {
    retryAfterMs,
    status: Number(text.slice(9, 12)),
    index: Number(/^\{"index":(\d+)/.exec(text.slice(end + 4, end + 40))?.[1]),
  }
}

/**
 * Watches how far the views are, as their own positions say: they are moved in the transaction that writes the records. A read of
 * a record from then on shows it.
 */
async function watchViews({ databaseUrl, schemas, partitions }) {
  const database = connect(databaseUrl, { name: 'lianban bench', maxConnections: 1 })
  const waiting = Array.from({ length: partitions }, () => [])
  const times = []
  let expecting = 0
  let stopping = false
  const text = schemas.map((schema) => `select partition, index from ${schema}.positions`).join(' union all ')
  const positions = async () => {
    const reached = new Array(partitions).fill(-1)
    const rows = await database.raw.unsafe(
      `select partition, min(index) as index from (${text}) p group by partition having count(*) = ${schemas.length}`,
      [],
      {
        prepare: true,
      },
    )
    for (const { partition, index } of rows) reached[partition] = Number(index)
    return reached
  }
  const look = async () => {
    const reached = await positions()
    const now = performance.now()
    for (const [partition, queue] of waiting.entries()) {
      const left = queue.filter(({ index, due }) => {
        if (index > reached[partition]) return true
        times.push(now - due)
        return false
      })
      expecting -= queue.length - left.length
      waiting[partition] = left
    }
  }
  const watching = (async () => {
    while (!stopping || expecting > 0) {
      await look()
      // each look is a query: more often it would take a part of the machine that is seen in the figures
      await pause(expecting > 5_000 ? 50 : 5)
    }
  })()
  return {
    expect({ index, subject, due }) {
      waiting[partitionOf(subject, partitions)].push({ index, due })
      expecting += 1
    },
    async finish(began) {
      const lagAtEnd = expecting
      stopping = true
      await watching
      const seconds = (performance.now() - began) / 1000
      await database.close()
      return { times, lagAtEnd, seconds }
    },
  }
}

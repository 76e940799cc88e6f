// The load generator: takes one task over IPC, answers with its figures and ends. See run.mjs.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { organisationCheckCharacter } from '../dist/domain/codes/organisation-code.js'
import { usccCheckCharacter } from '../dist/domain/codes/uscc.js'
import { importSigningKey } from '../dist/identity/private-key.js'
import { signAccessToken, signEvent } from '../dist/identity/sign.js'

const example = JSON.parse(
  readFileSync(new URL('../docs/examples/01-registration-established-commerce.json', import.meta.url), 'utf8'),
)
const bureaus = ['commerce', 'state-tax', 'local-tax']
/** Posts that may be signed before a measurement; more would take too long. */
const maxSigned = 60_000

const tasks = { saturate, visible, fill }

process.once('message', async (task) => {
  const answer = await tasks[task.task](task)
  process.send(answer, () => process.disconnect())
})

/** As many posts as `connections` can get answered. */
async function saturate({ url, keys, connections, seconds, from }) {
  const key = await keyOf(keys, 'commerce')
  const events = await Promise.all(
    Array.from({ length: Math.min(maxSigned, seconds * 6000) }, (_, i) => signEvent(key, establishment(from + i))),
  )
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const latencies = []
  let others = 0
  let next = 0
  const started = performance.now()
  const until = started + seconds * 1000
  const sender = async () => {
    while (performance.now() < until && next < events.length) {
      const sent = performance.now()
      const status = await post(agent, url, events[next++])
      if (status === 201) latencies.push(performance.now() - sent)
      else others++
    }
  }
  await Promise.all(Array.from({ length: connections }, sender))
  const elapsed = (performance.now() - started) / 1000
  agent.destroy()
  return { perSecond: latencies.length / elapsed, ...quantiles(latencies), count: latencies.length, others }
}

/** So many establishments, each of a company of its own; signed while others are posted. */
async function fill({ url, keys, connections, count, from }) {
  const key = await keyOf(keys, 'commerce')
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  let next = 0
  const started = performance.now()
  const sender = async () => {
    while (next < count) {
      const event = await signEvent(key, establishment(from + next++))
      for (let status = 0; status !== 201; ) {
        status = await post(agent, url, event)
        if (status !== 201 && status !== 429 && status !== 503) throw new Error(`a post was answered with ${status}`)
      }
    }
  }
  await Promise.all(Array.from({ length: connections }, sender))
  agent.destroy()
  return { perSecond: (count / (performance.now() - started)) * 1000 }
}

/** From sending a post to the moment when every bureau's view shows it, at a steady rate. */
async function visible({ url, keys, perSecond, seconds, from, elsewhere }) {
  const key = await keyOf(keys, 'commerce')
  const audience = (await (await fetch(`${url}/log/vkey`)).text()).split('+')[0]
  const readers = await Promise.all(
    bureaus.map(async (bureau) => [bureau, await signAccessToken(await keyOf(keys, bureau), { audience })]),
  )
  const events = await Promise.all(
    Array.from({ length: seconds * perSecond }, (_, i) => establishment(from + i, elsewhere)).map(async (event) => [
      event.subject,
      await signEvent(key, event),
    ]),
  )
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const times = []
  const started = performance.now()
  await Promise.all(
    events.map(async ([subject, event], i) => {
      await pause(Math.max(0, started + (i * 1000) / perSecond - performance.now()))
      const sent = performance.now()
      if ((await post(agent, url, event)) !== 201) throw new Error('a post was not accepted')
      await Promise.all(readers.map((reader) => seen(agent, url, subject, reader)))
      times.push(performance.now() - sent)
    }),
  )
  agent.destroy()
  return { perSecond, count: times.length, ...quantiles(times) }
}

async function seen(agent, url, subject, [bureau, token]) {
  const path = `${url}/v1/bureaus/${bureau}/records/registration/${subject}`
  for (let tries = 0; tries < 2000; tries++) {
    if ((await send(agent, path, 'GET', { authorization: `Bearer ${token}` })) === 200) return
    await pause(2)
  }
  throw new Error(`${subject} never came to ${bureau}`)
}

const post = (agent, url, event) => send(agent, `${url}/v1/events`, 'POST', { 'content-type': 'application/jose' }, event)

function send(agent, url, method, headers, body) {
  return new Promise((resolve, reject) => {
    const sending = request(
      url,
      { method, agent, headers: body ? { ...headers, 'content-length': Buffer.byteLength(body) } : headers },
      (response) => {
        response.resume()
        response.once('end', () => resolve(response.statusCode))
      },
    )
    sending.once('error', reject)
    sending.end(body)
  })
}

async function keyOf(folder, party) {
  return importSigningKey(JSON.parse(readFileSync(join(folder, `${party}.jwk`), 'utf8')))
}

/**
 * The n-th made-up company, with a USCC whose checks are right.
 *
 * @param elsewhere in another division than the example's
 */
function establishment(n, elsewhere = false) {
  const body = String(n).padStart(8, '0')
  const first17 = `91210200${body}${organisationCheckCharacter(body)}`
  const uscc = `${first17}${usccCheckCharacter(first17)}`
  const { registrationNumber: _, ...given } = example.data
  const data = elsewhere ? { ...given, addressDivision: '210202' } : given
  const envelope = { specversion: '1.0', id: randomUUID(), source: '/bureaus/commerce', type: example.type, subject: uscc }
  return { ...envelope, time: new Date().toISOString(), datacontenttype: 'application/json', data: { ...data, uscc } }
}

function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

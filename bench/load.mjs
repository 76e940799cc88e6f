// The load generator of benches that read as bureaus do: takes one task over IPC, answers with its figures and ends.
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { importSigningKey } from '../dist/identity/private-key.js'
import { signAccessToken, signEvent } from '../dist/identity/sign.js'
import { establishment } from './companies.mjs'
import { quantiles } from './quantiles.mjs'

const bureaus = ['commerce', 'state-tax', 'local-tax']

const tasks = { visible, fill }

process.once('message', async (task) => {
  const answer = await tasks[task.task](task)
  process.send(answer, () => process.disconnect())
})

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
    Array.from({ length: seconds * perSecond }, (_, i) => establishment(from + i, { elsewhere })).map(async (event) => [
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

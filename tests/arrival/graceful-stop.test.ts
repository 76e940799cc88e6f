import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'
import { signEvent } from '../../src/identity/sign.ts'
import { built } from '../support/built.ts'
import { eventually } from '../support/eventually.ts'
import { establishment } from '../support/gateway.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

let database: TestDatabase
let dataDir: string
let main: string
const processes: ChildProcess[] = []
beforeAll(async () => {
  database = await testDatabase()
  dataDir = await mkdtemp(join(tmpdir(), 'lianban-stop-'))
  main = join(await built(), 'main.js')
})
afterAll(async () => {
  for (const process of processes) process.kill('SIGKILL')
  await database.close()
  await rm(dataDir, { recursive: true, force: true })
})

/** The whole exchange as an operator starts it. */
async function serve(): Promise<{ process: ChildProcess; port: number; ended: Promise<number | null> }> {
  const env = { ...process.env, PORT: '0', DATA_DIR: dataDir, DATABASE_URL: database.url, KAFKA_BROKERS: '', NODE_ENV: 'test' }
  const child = spawn(process.execPath, [main, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  processes.push(child)
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  await eventually(async () => output.includes('the exchange is ready'))
  return { process: child, port: Number(/"port":(\d+)/.exec(output)?.[1]), ended }
}

interface Answer {
  readonly status: number
  readonly index: unknown
}

/** Posts over a kept connection; rejects when no whole answer came. */
function post(agent: Agent, port: number, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/jose', 'content-length': body.length }
    const sent = request({ agent, port, host: '127.0.0.1', method: 'POST', path: '/v1/events', headers }, (response) => {
      let text = ''
      response.on('data', (data) => {
        text += data
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, index: JSON.parse(text).index }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

it('a stop during a burst answers all that was taken, loses nothing acknowledged, and ends in time', async () => {
  const first = await serve()
  const key: SigningKey = await importSigningKey(JSON.parse(await readFile(join(dataDir, 'keys', 'commerce.jwk'), 'utf8')))
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const acknowledged: { compact: string; index: unknown }[] = []
  const broken: unknown[] = []
  let stopped = false
  const senders = Array.from({ length: 16 }, async (_, sender) => {
    for (let n = 0; !stopped && n < 2000; n++) {
      const compact = await signEvent(key, establishment(sender * 10_000 + n))
      const answer = await post(agent, first.port, compact).catch((error: unknown) => {
        stopped = true
        if (!/ECONNREFUSED/.test(String(error))) broken.push(error)
      })
      if (answer?.status === 201) acknowledged.push({ compact, index: answer.index })
      else if (answer !== undefined) expect(answer.status, 'told to come again').toBe(503)
    }
  })
  await eventually(async () => acknowledged.length > 100)
  const begun = performance.now()
  first.process.kill('SIGTERM')
  first.process.kill('SIGINT')
  expect(await first.ended, 'it ends well').toBe(0)
  expect(performance.now() - begun).toBeLessThan(9000)
  stopped = true
  await Promise.all(senders)
  agent.destroy()
  expect(broken, 'every request was answered whole, or its connection refused').toEqual([])

  const second = await serve()
  const again = new Agent({ keepAlive: true, maxSockets: 16 })
  for (const { compact, index } of acknowledged) expect(await post(again, second.port, compact)).toEqual({ status: 200, index })
  again.destroy()
  second.process.kill('SIGTERM')
  expect(await second.ended).toBe(0)
})

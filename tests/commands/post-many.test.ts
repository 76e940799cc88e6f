import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { companies } from '../support/companies.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningExchange, startExchange } from '../support/exchange.ts'
import { cleanEnv, lianban, mainFile } from '../support/lianban.ts'

let folder: string
let dataDir: string
let exchange: RunningExchange

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lianban-many-'))
  dataDir = await mkdtemp(join(tmpdir(), 'lianban-exchange-'))
  await chmod(dataDir, 0o755)
  exchange = await startExchange({ dataDir })
})

afterAll(async () => {
  await exchange?.stop()
  await rm(folder, { recursive: true, force: true })
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20 })
})

const logSize = async () => Number((await (await fetch(`${exchange.url}/log/checkpoint`)).text()).split('\n')[1])
const countOf = (what: string, stdout: string) => Number(new RegExp(`^${what} +(\\d+)`, 'm').exec(stdout)?.[1] ?? 0)
const argsFor = (file: string, ...more: string[]) => [
  ...['post', file, '--as', 'commerce', '--key', join(dataDir, 'keys', 'commerce.jwk'), '--url', exchange.url],
  ...more,
]

async function fileOf(name: string, events: readonly object[]): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  return file
}

function post(args: readonly string[]) {
  const child = spawn(process.execPath, [mainFile, ...args], { env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { child, ended: ended.then(([stdout, stderr, [code]]) => ({ stdout, stderr, code })) }
}

it('an interrupted run ends with a summary, and the next one posts the rest and nothing twice', async () => {
  const before = await logSize()
  const events = companies(400)
  const file = await fileOf('interrupted.ndjson', events)
  const { child, ended } = post(argsFor(file, '--concurrency', '2'))
  await eventually(async () => (await logSize()) > before + 20)
  child.kill('SIGINT')
  // as npm passes on a Ctrl-C that has arrived already
  child.kill('SIGINT')
  const first = await ended
  expect(first.code).toBe(2)
  expect(first.stdout).toMatch(/^not sent +\d+ and the rest of the files; run it again$/m)
  expect(await logSize()).toBe(before + countOf('accepted', first.stdout))

  const second = await lianban(argsFor(file))
  expect(second).toMatchObject({ code: 0, stderr: '' })
  expect(countOf('already there', second.stdout)).toBe(countOf('accepted', first.stdout))
  expect(countOf('accepted', first.stdout) + countOf('accepted', second.stdout)).toBe(events.length)
  await expect(access(`${file}.rejects.ndjson`)).rejects.toThrow()
  // no refusal of what was there already
  expect(await logSize()).toBe(before + events.length)
})

it('an exchange that is killed and comes back loses nothing, and the sender need not know', async () => {
  const before = await logSize()
  const events = companies(400, 10_000)
  const { ended } = post(argsFor(await fileOf('killed.ndjson', events)))
  await eventually(async () => (await logSize()) > before + 50)
  const { port } = new URL(exchange.url)
  await exchange.stop('SIGKILL')
  exchange = await startExchange({ dataDir, env: { PORT: port } })
  const ran = await ended
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  expect(countOf('accepted', ran.stdout) + countOf('already there', ran.stdout)).toBe(events.length)
  expect(await logSize()).toBe(before + events.length)
})

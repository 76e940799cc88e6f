// What a replay of parked events costs: `npm run bench -- replay`.
//
//   --events N   parked events that are replayed unthrottled, default 100000
//
// A whole exchange is a process of its own; local-tax lacks the office of every company, so each establishment parks in its
// view. Then the table is mended, and three things are measured: the plan, POST to visible in every view with and without a
// replay at its default rate, and the rest of the replay unthrottled.
import { randomUUID } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { catalogueDigests, readCatalogueFiles } from '../dist/catalogue/load.js'
import { signOperation } from '../dist/identity/operation-request.js'
import { importSigningKey } from '../dist/identity/private-key.js'
import { signAccessToken } from '../dist/identity/sign.js'
import { startExchange } from './exchange-process.mjs'

const { values: flags } = parseArgs({ options: { events: { type: 'string', default: '100000' } } })
const events = Number(flags.events)
/** Seconds that POST to visible is measured, with and without the replay. */
const seconds = 15
const perSecond = 50
/** Parked events for the replay at its default rate to work on meanwhile. */
const spare = 12_000

const exchange = await startExchange({ catalogue: catalogueWithout('210203') })
try {
  const { generate, url, keys, dataDir } = exchange
  const operator = await importSigningKey(JSON.parse(readFileSync(join(keys, 'operator.jwk'), 'utf8')))
  const log = (await (await fetch(`${url}/log/vkey`)).text()).split('+')[0]
  const filled = await generate({ task: 'fill', url, keys, connections: 64, count: events + spare, from: 0 })
  console.log(`parked ${events + spare} events at ${filled.perSecond.toFixed(0)} posts a second`)
  await exchange.settled()

  const catalogue = catalogueWith('210203')
  const files = await readCatalogueFiles(catalogue)
  const applying = { action: 'apply-catalogue', reason: 'bench', log, details: { files: catalogueDigests(files) } }
  await post('/v1/operations/catalogue', { request: await signOperation(operator, applying), files: Object.fromEntries(files) })

  const planning = performance.now()
  const { replay } = await operate('', 'plan-replay', { bureau: 'local-tax', filter: { cause: 'no-office' } })
  const { plan } = await until(replay, 'planned')
  const planSeconds = (performance.now() - planning) / 1000

  const visible = { task: 'visible', url, keys, perSecond, seconds, elsewhere: true }
  await generate({ ...visible, seconds: 5, from: 50_000_000 }) // warms up the readers
  const alone = await generate({ ...visible, from: 20_000_000 })
  await operate(`/${replay}`, 'start-replay', { replay })
  const beside = await generate({ ...visible, from: 30_000_000 })
  await operate(`/${replay}`, 'pause-replay', { replay })
  const before = await until(replay, 'paused')

  const running = performance.now()
  await operate(`/${replay}`, 'start-replay', { replay, rate: null })
  const after = await until(replay, 'done')
  const runSeconds = (performance.now() - running) / 1000
  const replayed = after.eventsApplied - before.eventsApplied

  const results = {
    at: new Date().toISOString(),
    plan: { events: plan.events, seconds: planSeconds },
    unthrottled: { events: replayed, failed: after.subjectsFailed, seconds: runSeconds, perSecond: replayed / runSeconds },
    postToVisible: { perSecond, alone, beside, ratioOfP99: beside.p99Ms / alone.p99Ms, replayedBeside: before.eventsApplied },
    memoryMiB: exchange.residentMiB(),
  }
  writeFileSync(join(import.meta.dirname, 'replay.json'), `${JSON.stringify(results, null, 2)}\n`)
  console.log(`plan of ${plan.events} parked events: ${planSeconds.toFixed(1)} s`)
  console.log(
    `replay of ${replayed} events unthrottled: ${runSeconds.toFixed(1)} s, ${(replayed / runSeconds).toFixed(0)} a second`,
  )
  console.log(
    `POST to visible in every view at ${perSecond} a second: p99 ${alone.p99Ms.toFixed(0)} ms alone, ${beside.p99Ms.toFixed(0)} ms ` +
      `beside a replay at its default rate (${before.eventsApplied} events in ${seconds} s): ratio ${results.postToVisible.ratioOfP99.toFixed(2)}`,
  )
  console.log(`memory: ${results.memoryMiB} MiB resident, all roles in one process`)

  async function operate(path, action, details) {
    const request = await signOperation(operator, { action, reason: 'bench', log, details })
    return post(`/v1/operations/replays${path}`, { request })
  }

  async function post(path, body) {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }

  async function until(id, state) {
    for (let tries = 0; tries < 12_000; tries++) {
      const authorization = `Bearer ${await signAccessToken(operator, { audience: log })}`
      const found = await (await fetch(`${url}/v1/operations/replays/${id}`, { headers: { authorization } })).json()
      if (found.state === state) return found
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`replay ${id} did not become ${state} within ten minutes`)
  }

  function catalogueWith(division) {
    return writeCatalogue(join(dataDir, `catalogue-${randomUUID()}`), division)
  }
} finally {
  await exchange.stop()
}

function catalogueWithout(division) {
  return (dataDir) => writeCatalogue(join(dataDir, 'catalogue'), undefined, division)
}

/** The shipped catalogue with a table of offices for local-tax. */
function writeCatalogue(folder, division) {
  mkdirSync(folder, { recursive: true })
  cpSync(new URL('../schemas', import.meta.url), folder, { recursive: true })
  const path = join(folder, 'catalogue.json')
  const catalogue = JSON.parse(readFileSync(path, 'utf8'))
  const assignment = { field: 'addressDivision', table: 'offices.json' }
  const parties = catalogue.parties.map((party) => (party.id === 'local-tax' ? { ...party, view: { assignment } } : party))
  writeFileSync(path, JSON.stringify({ ...catalogue, parties }))
  const offices = { 210202: 'Zhongshan', ...(division === undefined ? {} : { [division]: 'Xigang' }) }
  writeFileSync(join(folder, 'offices.json'), JSON.stringify(offices))
  return path
}

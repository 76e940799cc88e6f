// What this machine can do, as a table and as JSON in bench/results.json: `npm run bench`.
//
//   --seconds N       length of each measurement, default 10
//   --entries N       entries in the log before anything is measured, default 0; the tables are vacuumed when it has them, and when views do
//   --only A,B        of baseline, gateway, all, embedded, projection; default all of them
//
// Postgres, Kafka, each role of the exchange and the load generator are processes of their own on this machine; events are signed
// beforehand. Beside them runs the bare baseline (bare.mjs): figures of one run are compared with it, as machines are noisy.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openDeployment } from './deployment.mjs'
import { measureProjection } from './projection.mjs'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    entries: { type: 'string', default: '0' },
    only: { type: 'string', default: 'baseline,gateway,all,embedded,projection' },
  },
})
const seconds = Number(flags.seconds)
const wanted = new Set(flags.only.split(','))
/** More than a gateway on this machine takes in the time: signing more would only take longer. */
const enough = (perSecond) => Math.ceil(perSecond * seconds)
const viewRate = 500

const deployment = await openDeployment()
const results = {
  at: new Date().toISOString(),
  machine: { node: process.version, cores: cpus().length, model: cpus()[0]?.model },
  entries: Number(flags.entries),
}
try {
  if (wanted.has('baseline')) await baseline()
  await deployment.startGateway()
  await deployment.fill(Number(flags.entries))
  await aged()
  if (wanted.has('gateway')) await gatewayAlone()
  if (wanted.has('embedded')) await embedded()
  if (wanted.has('projection')) results.projection = await measureProjection(deployment, print)
  if (wanted.has('all')) await allRoles()
  writeFileSync(join(import.meta.dirname, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
} finally {
  await deployment.close()
}

async function baseline() {
  const bare = await deployment.startBare()
  await bare.post({ connections: 64, count: 20_000, seconds: 3 })
  results.baseline = await bare.post({ connections: 64, count: enough(16_000), seconds })
  await bare.stop()
  print('bare baseline, 64 connections', posted(results.baseline))
  print('', cpuText(results.baseline))
}

async function gatewayAlone() {
  await deployment.post({ connections: 64, count: 30_000, seconds: 5 })
  results.gateway = []
  for (const connections of [1, 16, 64, 256]) {
    const figures = await deployment.post({ connections, count: enough(connections === 1 ? 1_500 : 9_000), seconds })
    results.gateway.push({ connections, ...figures, memoryMiB: deployment.memory() })
    print(`gateway and log, ${connections} connections`, `${posted(figures)}${ofBaseline(figures.perSecond)}`)
    print('', cpuText(figures))
  }
  print('', `memory: ${memoryText(deployment.memory())}`)
}

async function embedded() {
  await deployment.startConsumers()
  await deployment.settled()
  await aged()
  await deployment.post({ connections: 64, perSecond: viewRate, seconds: 5, watched: true })
  results.embedded = await deployment.post({ connections: 64, perSecond: viewRate, seconds, watched: true })
  await deployment.stopConsumers()
  print(`POST to visible in every view, embedded, ${viewRate} a second`, visibleText(results.embedded))
  print('', cpuText(results.embedded))
}

async function allRoles() {
  await deployment.startKafka()
  await deployment.startConsumers()
  await deployment.settled()
  await aged()
  await deployment.post({ connections: 64, count: 20_000, seconds: 5, watched: true })
  const saturated = await deployment.post({ connections: 64, count: enough(6_000), seconds, watched: true })
  // what was posted and is visible, over the time until the last of it was: no lag is left to grow
  const sustained = saturated.visible.perSecond
  print('all roles, Kafka, 64 connections', `${posted(saturated)}; ${visibleText(saturated)}`)
  print('', `posted and visible in every view: ${sustained.toFixed(0)} a second${ofBaseline(sustained)}`)
  print('', cpuText(saturated))
  const paced = await deployment.post({ connections: 64, perSecond: viewRate, seconds, watched: true })
  print(`POST to visible in every view, Kafka, ${viewRate} a second`, visibleText(paced))
  print('', cpuText(paced))
  results.all = { saturated, sustained, paced, memoryMiB: deployment.memory() }
  print('', `memory: ${memoryText(deployment.memory())}`)
}

/** What was stored in minutes is not left to autovacuum while something is measured. */
async function aged() {
  if (Number(flags.entries) > 0) await deployment.vacuum()
}

function posted({ perSecond, p50Ms, p99Ms, byStatus }) {
  const others = Object.entries(byStatus).filter(([status]) => status !== '201')
  const refused = others.map(([status, count]) => `, ${count} × ${status}`).join('')
  return `${perSecond.toFixed(0)} a second, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms${refused}`
}

function visibleText({ visible }) {
  return `visible p50 ${visible.p50Ms.toFixed(0)} ms, p99 ${visible.p99Ms.toFixed(0)} ms`
}

function ofBaseline(perSecond) {
  return results.baseline === undefined ? '' : `, ${(perSecond / results.baseline.perSecond).toFixed(2)} of the baseline`
}

function cpuText({ cpuMicros }) {
  return `CPU, µs for each event: ${Object.entries(cpuMicros)
    .map(([name, micros]) => `${name} ${micros}`)
    .join(', ')}`
}

function memoryText(memory) {
  return Object.entries(memory)
    .map(([name, mib]) => `${name} ${mib} MiB`)
    .join(', ')
}

function print(name, text) {
  console.log(`${name.padEnd(56)}${text}`)
}

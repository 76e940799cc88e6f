// What this machine can do, as a table and as JSON in bench/results.json: `npm run bench -- exchange`.
//
//   --seconds N       length of each measurement, default 10
//   --connections N   of the load generator, default 64
//
// The exchange and the load generator are processes of their own; events are signed beforehand. KAFKA_BROKERS and
// DATABASE_URL are passed on, so the same figures come from a real Kafka and Postgres.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startExchange } from './exchange-process.mjs'

const { values: flags } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, connections: { type: 'string', default: '64' } },
})
const seconds = Number(flags.seconds)
const connections = Number(flags.connections)

const exchange = await startExchange()
const { url, keys, generate } = exchange

try {
  await generate({ task: 'saturate', url, keys, connections, seconds: 3, from: 0 }) // warms up both sides
  const saturated = await generate({ task: 'saturate', url, keys, connections, seconds, from: 10_000_000 })
  await exchange.settled()
  const paced = await generate({ task: 'visible', url, keys, perSecond: 20, seconds, from: 20_000_000 })
  const results = {
    at: new Date().toISOString(),
    machine: { node: process.version, cores: cpus().length, model: cpus()[0]?.model },
    bus: process.env.KAFKA_BROKERS ? 'kafka' : 'embedded',
    postsPerSecond: { connections, seconds, ...saturated },
    postToVisible: { seconds, ...paced },
    gatewayMemoryMiB: exchange.residentMiB(),
  }
  writeFileSync(join(import.meta.dirname, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
  print(results)
} finally {
  await exchange.stop()
}

function print({ bus, machine, postsPerSecond: posts, postToVisible: visible, gatewayMemoryMiB }) {
  const ms = (value) => `${value.toFixed(1)} ms`
  const rows = [
    ['machine', `${machine.cores} cores, Node ${machine.node}, ${bus} bus, load generator included`],
    [`posts at ${posts.connections} connections`, `${posts.perSecond.toFixed(0)} a second (all roles in one process)`],
    ['  latency p50 / p99', `${ms(posts.p50Ms)} / ${ms(posts.p99Ms)}`],
    ['  answers other than 201', String(posts.others)],
    [
      'POST to visible in every view',
      `p50 ${ms(visible.p50Ms)}, p99 ${ms(visible.p99Ms)} at ${visible.perSecond} posts a second, n = ${visible.count}`,
    ],
    ['memory of the process', `${gatewayMemoryMiB} MiB resident`],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  console.log(rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n'))
}

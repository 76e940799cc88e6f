// What this machine can do, as a table and as JSON in bench/results.json: `npm run bench -- exchange`.
//
//   --seconds N       length of each measurement, default 10
//   --connections N   of the load generator, default 64
//
// The exchange and the load generator are processes of their own; events are signed beforehand. KAFKA_BROKERS and
// DATABASE_URL are passed on, so the same figures come from a real Kafka and Postgres.
import { fork, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const { values: flags } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, connections: { type: 'string', default: '64' } },
})
const seconds = Number(flags.seconds)
const connections = Number(flags.connections)

const root = join(import.meta.dirname, '..')
const dataDir = mkdtempSync(join(tmpdir(), 'lianban-bench-'))
chmodSync(dataDir, 0o755)
const port = await freePort()
const url = `http://127.0.0.1:${port}`
const exchange = spawn(process.execPath, [join(root, 'dist', 'main.js'), 'serve'], {
  env: {
    ...process.env,
    HOST: '127.0.0.1',
    PORT: String(port),
    DATA_DIR: dataDir,
    KAFKA_PREFIX: basename(dataDir),
    LOG_LEVEL: 'warn',
  },
  stdio: ['ignore', 'ignore', 'inherit'],
})

try {
  await ready()
  const keys = join(dataDir, 'keys')
  await generate({ task: 'saturate', url, keys, connections, seconds: 3, from: 0 }) // warms up both sides
  const saturated = await generate({ task: 'saturate', url, keys, connections, seconds, from: 10_000_000 })
  await settled()
  const paced = await generate({ task: 'visible', url, keys, perSecond: 20, seconds, from: 20_000_000 })
  const results = {
    at: new Date().toISOString(),
    machine: { node: process.version, cores: cpus().length, model: cpus()[0]?.model },
    bus: process.env.KAFKA_BROKERS ? 'kafka' : 'embedded',
    postsPerSecond: { connections, seconds, ...saturated },
    postToVisible: { seconds, ...paced },
    gatewayMemoryMiB: Math.round(residentKiB(exchange.pid) / 1024),
  }
  writeFileSync(join(root, 'bench', 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
  print(results)
} finally {
  exchange.kill('SIGTERM')
  await new Promise((resolve) => exchange.once('exit', resolve))
  rmSync(dataDir, { recursive: true, force: true })
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

/** Runs one task of the load generator in a process of its own. */
function generate(task) {
  return new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, 'load.mjs'), [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    let answer
    child.on('message', (message) => {
      answer = message
    })
    child.once('exit', (code) =>
      code === 0 && answer ? resolve(answer) : reject(new Error(`the load generator ended with ${code}`)),
    )
    child.send(task)
  })
}

async function ready() {
  for (let tries = 0; tries < 600; tries++) {
    if (exchange.exitCode !== null) throw new Error(`the exchange ended with ${exchange.exitCode}`)
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined)
    if (answer?.status === 200) return
    await pause(100)
  }
  throw new Error('the exchange was not ready within a minute')
}

/** Waits until the views have caught up. */
async function settled() {
  for (let tries = 0; tries < 1200; tries++) {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    const lags = [...metrics.matchAll(/^lianban_view_lag_entries\{.*\} (\d+)/gm)].map(([, lag]) => Number(lag))
    if (lags.length > 0 && lags.every((lag) => lag === 0)) return
    await pause(250)
  }
  throw new Error('the views did not catch up within five minutes')
}

function residentKiB(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address()
      probe.close(() => resolve(free))
    })
  })
}

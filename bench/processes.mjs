// The processes of a deployment, each on its own, for benches: Postgres, Kafka, the roles of the exchange.
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startEmbeddedPostgres } from '../dist/database/embedded/start.js'
import { freePort, runTask } from './exchange-process.mjs'

const root = join(import.meta.dirname, '..')

export function temporaryFolder(name) {
  const folder = mkdtempSync(join(tmpdir(), `lianban-bench-${name}-`))
  chmodSync(folder, 0o755)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }) }
}

/** The embedded Postgres, as `npm start` runs it. */
export async function startPostgres() {
  const { folder, remove } = temporaryFolder('postgres')
  const postgres = await startEmbeddedPostgres({ dataDir: folder, log: { info: () => undefined, error: console.error } })
  const stop = async () => {
    await postgres.stop()
    remove()
  }
  return { url: postgres.url, cpuSeconds: () => cpuSeconds(postgres.pid), stop }
}

/** `KAFKA_BROKERS`, or a Kafka of its own. */
export async function startKafka() {
  if (process.env.KAFKA_BROKERS)
    // it runs elsewhere: what it takes is not known
    return { brokers: process.env.KAFKA_BROKERS, cpuSeconds: () => Number.NaN, stop: async () => undefined }
  const { folder, remove } = temporaryFolder('kafka')
  const port = await freePort()
  const ports = ['--port', String(port), '--controller-port', String(await freePort())]
  const args = [join(root, 'infra', 'kafka', 'run.mjs'), '--data', join(folder, 'kafka'), ...ports, '--stop-with-stdin']
  const kafka = await launch(args, {}, /^kafka ready/, 'pipe')
  const stop = async () => {
    await kafka.stop()
    remove()
  }
  return { ...kafka, brokers: `127.0.0.1:${port}`, stop }
}

/** One process of the exchange, `args` such as `['consume', '--bureau', 'commerce']`; a gateway has a URL. */
export async function startRole(args, env, folder) {
  const dataDir = join(folder, args.join('').replaceAll(/\W/g, ''))
  mkdirSync(dataDir, { recursive: true })
  const port = await freePort()
  // as its unit in infra has it
  const node = args[0] === 'publish' ? ['--max-semi-space-size=4'] : []
  const own = { ...env, DATA_DIR: dataDir, PORT: String(port), LOG_LEVEL: 'info' }
  const running = await launch([...node, join(root, 'dist', 'main.js'), ...args], own, /"msg":"(running|the exchange is ready)"/)
  return { ...running, url: `http://127.0.0.1:${port}`, keys: join(dataDir, 'keys') }
}

export async function startBare(brokers) {
  const port = await freePort()
  const bare = await launch([join(root, 'bench', 'bare.mjs')], { PORT: String(port), KAFKA_BROKERS: brokers }, /^ready/)
  return { ...bare, url: `http://127.0.0.1:${port}` }
}

/** Runs one task of the load generator. */
export const load = (task) => runTask('post-load.mjs', task)

async function launch(args, env, ready, stdin = 'ignore') {
  // to look into a process, such as --cpu-prof
  const node = process.env.BENCH_NODE_FLAGS?.split(' ') ?? []
  const child = spawn(process.execPath, [...node, ...args], {
    env: {
      PATH: process.env.PATH,
      ...(process.env.UV_THREADPOOL_SIZE && { UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE }),
      ...(process.env.JAVA_HOME && { JAVA_HOME: process.env.JAVA_HOME }),
      ...env,
    },
    stdio: [stdin, 'pipe', 'inherit'],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const lines = createInterface({ input: child.stdout })
  await new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      if (ready.test(line)) resolve()
    })
    exited.then((code) => reject(new Error(`${args.join(' ')} ended with ${code}`)))
  })
  return {
    pid: child.pid,
    residentMiB: () => residentMiB(child.pid),
    cpuSeconds: () => cpuSeconds(child.pid),
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

function residentMiB(pid) {
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)
}

/** Of a process and those that it has started, so far: user and system time. A clock tick is a hundredth of a second. */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  const [user, system, ofEnded, systemOfEnded] = fields.slice(11, 15).map(Number)
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((child) => child !== '')
  return (user + system + ofEnded + systemOfEnded) / 100 + children.reduce((sum, child) => sum + cpuSeconds(child), 0)
}

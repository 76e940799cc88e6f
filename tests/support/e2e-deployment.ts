import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { cleanEnv, mainFile } from './lianban.ts'

/** A process of the exchange: `lianban serve`, `gateway`, `publish` or `consume`. */
export interface Running {
  /** where a gateway listens; empty for the others */
  readonly url: string
  readonly dataDir: string
  /** what it has printed so far */
  output(): string
  /** kill -9, and waits until it is gone */
  kill(): Promise<void>
  /** SIGTERM. @returns its exit code */
  stop(): Promise<number | null>
}

/** Several processes on one database, one log key and one bus, each with a data directory of its own. */
export interface Deployment {
  readonly logKeyFile: string
  /**
   * Starts a process and waits until it says that it is ready.
   *
   * @param args such as `['consume', '--bureau', 'commerce']`
   * @param env settings beside the deployment's
   * @param dataDir of a process that ran before
   * @param main of another version than this one
   */
  start(args: readonly string[], env?: Readonly<Record<string, string>>, dataDir?: string, main?: string): Promise<Running>
  /** where the first gateway left the development keys */
  keysFolder(): string
  /** Stops what still runs and removes what it wrote. */
  close(): Promise<void>
}

const readyTimeoutMs = 60_000

/** A test run that ends early must not leave them behind. */
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** @param env settings that all processes share: `DATABASE_URL`, `KAFKA_…`, `CATALOGUE` */
export async function deploy(env: Readonly<Record<string, string>>): Promise<Deployment> {
  const folder = await mkdtemp(join(tmpdir(), 'lianban-e2e-'))
  const logKeyFile = join(folder, 'log.key')
  const shared = { LOG_KEY_FILE: logKeyFile, LOG_LEVEL: 'info', ...env }
  const dataDirs: string[] = []
  const running = new Set<Running>()
  return {
    logKeyFile,
    async start(args, own = {}, dataDir = join(folder, `${args[0]}-${dataDirs.length}`), main = mainFile) {
      if (!dataDirs.includes(dataDir)) dataDirs.push(dataDir)
      await mkdir(dataDir, { recursive: true })
      const one = await launch([main, ...args], { PORT: '0', ...shared, ...own, DATA_DIR: dataDir }, dataDir)
      running.add(one)
      return one
    },
    keysFolder() {
      const found = dataDirs.map((dataDir) => join(dataDir, 'keys')).find((keys) => existsSync(keys))
      if (found === undefined) throw new Error('no gateway has made development keys')
      return found
    },
    async close() {
      await Promise.all([...running].map((one) => one.stop()))
      await rm(folder, { recursive: true, force: true, maxRetries: 20 })
    },
  }
}

async function launch(argv: readonly string[], env: Readonly<Record<string, string>>, dataDir: string): Promise<Running> {
  const child = spawn(process.execPath, argv, { env: cleanEnv(env), stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  const exited = once(child, 'exit').finally(() => children.delete(child))
  const signal = async (name: NodeJS.Signals) => {
    child.kill(name)
    await exited
  }
  const ready = () => /"port":(\d+)[^\n]*the exchange is ready|"msg":"running"/.exec(output)
  const ended = () => child.exitCode !== null || child.signalCode !== null
  await eventually(async () => ended() || ready() !== null, readyTimeoutMs)
  if (ended()) throw new Error(`lianban ${argv.slice(1).join(' ')} did not start:\n${output}`)
  const port = ready()?.[1]
  return {
    url: port === undefined ? '' : `http://127.0.0.1:${port}`,
    dataDir,
    output: () => output,
    kill: () => signal('SIGKILL'),
    async stop() {
      await signal('SIGTERM')
      return child.exitCode
    },
  }
}

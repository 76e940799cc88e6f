import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { eventually } from './eventually.ts'
import { cleanEnv, mainFile } from './lianban.ts'

/** A running exchange, a process of its own. */
export interface RunningExchange {
  readonly url: string
  readonly dataDir: string
  readonly pid: number
  /** what it has printed so far */
  output(): string
  /** @returns its exit code; the data directory goes too unless it was the caller's */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/**
 * Starts `lianban serve` on a free port, by default with its own Postgres in a new data directory, and waits until it is ready.
 *
 * @param env settings beside DATA_DIR and PORT
 * @param dataDir of an exchange that ran before
 */
export async function startExchange({
  env = {},
  dataDir,
}: {
  env?: Readonly<Record<string, string>>
  dataDir?: string
} = {}): Promise<RunningExchange> {
  const folder = dataDir ?? (await newDataDir())
  const child = spawn(process.execPath, [mainFile, 'serve'], {
    env: cleanEnv({ DATA_DIR: folder, PORT: '0', ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // a test run that ends early must not leave it behind
  const end = () => child.kill('SIGTERM')
  process.once('exit', end)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  const portOf = () => /"port":(\d+)[^\n]*the exchange is ready/.exec(output)?.[1]
  await eventually(async () => {
    if (child.exitCode !== null) return true
    return portOf() !== undefined
  }, 60_000)
  const port = portOf()
  if (port === undefined || child.pid === undefined) throw new Error(`the exchange did not start:\n${output}`)
  return {
    url: `http://127.0.0.1:${port}`,
    dataDir: folder,
    pid: child.pid,
    output: () => output,
    async stop(signal = 'SIGTERM') {
      process.off('exit', end)
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal)
        await once(child, 'exit')
      }
      if (dataDir === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 20 })
      return child.exitCode
    },
  }
}

async function newDataDir(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'lianban-exchange-'))
  // as root, Postgres's own user must reach it
  await chmod(folder, 0o755)
  return folder
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { eventually } from './eventually.ts'
import { cleanEnv, mainFile } from './lianban.ts'

/** A process of the exchange that a test kills and starts again. */
export interface Killable {
  /** of its latest life; undefined for a process that listens nowhere */
  url(): string | undefined
  /** everything it printed, in all its lives */
  output(): string
  /** SIGKILL, and returns when it is dead */
  kill(): Promise<void>
  /** starts it again, on another port, and waits until it is ready */
  restart(): Promise<void>
  /** SIGTERM; returns its exit code */
  stop(): Promise<number | null>
  exitCode(): number | null
}

/** @param args of `lianban`, such as `['gateway']` */
export async function startKillable(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Killable> {
  let child: ChildProcess
  let life = ''
  let output = ''
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)

  async function launch(): Promise<void> {
    life = ''
    child = spawn(process.execPath, [mainFile, ...args], {
      env: cleanEnv({ PORT: '0', ...env }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        life += chunk
        output += chunk
      })
    await eventually(async () => child.exitCode !== null || /the exchange is ready|"running"/.test(life), 60_000)
    if (child.exitCode !== null) throw new Error(`lianban ${args.join(' ')} did not start:\n${life}`)
  }
  async function signal(name: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(name)
    await once(child, 'exit')
  }

  await launch()
  return {
    url: () => {
      const port = /"port":(\d+)[^\n]*the exchange is ready/.exec(life)?.[1]
      return port === undefined ? undefined : `http://127.0.0.1:${port}`
    },
    output: () => output,
    kill: () => signal('SIGKILL'),
    restart: launch,
    async stop() {
      await signal('SIGTERM')
      process.off('exit', end)
      return child.exitCode
    },
    exitCode: () => child.exitCode,
  }
}

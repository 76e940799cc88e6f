import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'

export interface RunningKafka {
  readonly brokers: string
  /** SIGTERM, and removes its data */
  stop(): Promise<void>
  /** kill -9: what it had in memory is lost */
  kill(): Promise<void>
  /** after kill(): the same ports and data again */
  restart(): Promise<void>
  /** kill -9, and an empty broker at the same address: topics, offsets and groups are gone */
  lose(): Promise<void>
}

/** Starts a Kafka and tells of it in a line. */
export const kafkaRunner = join(import.meta.dirname, '../../infra/kafka/run.mjs')
const startTimeoutMs = 120_000

/**
 * A Kafka of the caller's own: for tests that kill it.
 *
 * @param flags of run.mjs beside those of its ports and data
 */
export async function startKafka(flags: readonly string[] = []): Promise<RunningKafka> {
  const data = await mkdtemp(join(tmpdir(), 'lianban-kafka-'))
  const [port, controllerPort] = [await freePort(), await freePort()]
  let child = await launch(data, port, controllerPort, flags)

  return {
    brokers: `127.0.0.1:${port}`,
    stop: async () => {
      await end(child, 'SIGTERM')
      await rm(data, { recursive: true, force: true })
    },
    kill: () => end(child, 'SIGKILL'),
    restart: async () => {
      child = await launch(data, port, controllerPort, flags)
    },
    lose: async () => {
      await end(child, 'SIGKILL')
      await rm(join(data, 'kafka'), { recursive: true, force: true })
      child = await launch(data, port, controllerPort, flags)
    },
  }
}

async function launch(data: string, port: number, controllerPort: number, more: readonly string[]): Promise<ChildProcess> {
  const flags = [
    '--data',
    join(data, 'kafka'),
    '--port',
    String(port),
    '--controller-port',
    String(controllerPort),
    '--stop-with-stdin',
    ...more,
  ]
  // a process group of its own, so that kill -9 reaches Java too
  const child = spawn(process.execPath, [kafkaRunner, ...flags], { detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  const said: string[] = []
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))

  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`Kafka did not start in ${startTimeoutMs} ms: ${said.join('')}`)),
      startTimeoutMs,
    )
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`Kafka ended with ${code}: ${said.join('')}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('kafka ready')) return
      clearTimeout(timer)
      resolve()
    })
  })
  await ready
  return child
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = once(child, 'exit')
  process.kill(signal === 'SIGKILL' ? -child.pid : child.pid, signal)
  await ended
}

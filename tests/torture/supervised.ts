import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type Life, signalled } from './life.ts'

/** How a life ended. */
export interface End {
  readonly at: number
  /** such as `SIGKILL` or `exit code 1` */
  readonly how: string
  /** whether the harness ended it */
  readonly asked: boolean
  /** the last lines it printed, when nobody asked it to end */
  readonly lastWords: string
}

/** A process that is started again whenever it ends, as an init system does. */
export interface Supervised {
  readonly name: string
  readonly logFile: string
  /** of its life now; none between two */
  pids(): readonly number[]
  isReady(): boolean
  ends(): readonly End[]
  /** Ends the life that it has now, if any. @returns how it ended; undefined when there was nobody to end */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<string | undefined>
  /** Stops every process of the life that it has now, if any, for some time. @returns whether there was one */
  freeze(forMs: number): Promise<boolean>
  /** SIGTERM, and no further life */
  close(): Promise<void>
}

/** RestartSec of an init system */
const restartMs = 500
/** TimeoutStopSec of an init system: then it is killed */
const stopLimitMs = 60_000
const lastWordLines = 40

/** @param launch starts a life; what it throws counts as one that ended at once */
export function supervise(name: string, logFile: string, launch: () => Promise<Life>): Supervised {
  const ends: End[] = []
  let life: Life | undefined
  let asked = false
  let closing = false
  const running = live()

  async function live(): Promise<void> {
    while (!closing) {
      asked = false
      const how = await oneLife().catch(String)
      life = undefined
      ends.push({ at: performance.now(), how, asked, lastWords: asked ? '' : await lastLines(logFile) })
      if (!closing) await pause(restartMs)
    }
  }

  async function oneLife(): Promise<string> {
    life = await launch()
    if (closing) life.end('SIGTERM')
    return life.ended
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<string | undefined> {
    const ending = life
    if (ending === undefined) return undefined
    asked = true
    ending.end(signal)
    const late = setTimeout(() => ending.end('SIGKILL'), stopLimitMs)
    return ending.ended.finally(() => clearTimeout(late))
  }

  return {
    name,
    logFile,
    pids: () => life?.pids() ?? [],
    isReady: () => life?.isReady() ?? false,
    ends: () => ends,
    end,
    async freeze(forMs) {
      const frozen = life
      if (frozen === undefined) return false
      const pids = frozen.pids()
      for (const pid of pids) signalled(pid, 'SIGSTOP')
      await pause(forMs)
      for (const pid of pids) signalled(pid, 'SIGCONT')
      return true
    },
    async close() {
      closing = true
      await end('SIGTERM')
      await running
    },
  }
}

async function lastLines(file: string): Promise<string> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).trimEnd().split('\n')
  return lines.slice(-lastWordLines).join('\n')
}

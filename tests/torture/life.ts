import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, readdirSync, readFileSync } from 'node:fs'

/** A process from its start to its end. */
export interface Life {
  /** it and its children, itself first; those that are not there any more may be among them */
  pids(): readonly number[]
  /** whether it has said that it is ready */
  isReady(): boolean
  /** resolves when nothing of it is left, and says how it ended */
  readonly ended: Promise<string>
  /** Ends it: `SIGKILL` at once, `SIGTERM` as an init system would. */
  end(signal: 'SIGKILL' | 'SIGTERM'): void
}

export interface NodeLife {
  /** of node: the program, and what it is told */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** what it prints is added here */
  readonly logFile: string
  /** what it prints when it is ready */
  readonly ready: RegExp
}

/** A harness that ends before its time leaves nobody behind. */
const groups = new Set<number>()
process.once('exit', () => {
  for (const group of groups) signalled(-group, 'SIGKILL')
})

/** Starts a Node program in a process group of its own, so that Ctrl-C does not reach it and a signal reaches its children. */
export async function launchNode({ args, env, logFile, ready }: NodeLife): Promise<Life> {
  // stdin stays open as long as the harness lives
  const child = spawn(process.execPath, args, { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  await once(child, 'spawn')
  const { pid } = child
  if (pid === undefined) throw new Error(`${args.join(' ')} has no process id`)
  groups.add(pid)
  child.stdin.on('error', () => undefined) // it has ended: told below

  const log = createWriteStream(logFile, { flags: 'a' })
  let isReady = false
  let unread = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      log.write(chunk)
      if (isReady) return
      unread += chunk
      isReady = ready.test(unread)
      unread = unread.slice(unread.lastIndexOf('\n') + 1)
    })
  }
  let isOver = false
  const ended = once(child, 'close').then(([code, signal]) => {
    isOver = true
    groups.delete(pid)
    log.end()
    return code === null ? String(signal) : `exit code ${code}`
  })
  return {
    pids: () => groupOf(pid),
    isReady: () => isReady && !isOver,
    ended,
    end: (signal) => signalled(signal === 'SIGKILL' ? -pid : pid, signal),
  }
}

/** Those whose group this is: field 5 in /proc, behind the name in parentheses. */
function groupOf(leader: number): readonly number[] {
  const others = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== leader)
  return [leader, ...others.filter((pid) => groupIn(`/proc/${pid}/stat`) === leader)]
}

function groupIn(file: string): number | undefined {
  try {
    const stat = readFileSync(file, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2])
  } catch {
    return undefined // it has ended meanwhile
  }
}

/** @param pid below 0 for a process group; that it has ended already is no fault */
export function signalled(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

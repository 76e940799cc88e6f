import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { PostgresHome } from './home.ts'

/** A program of Postgres in a session and process group of its own: Ctrl-C on a terminal doesn't reach it. */
export async function run(home: PostgresHome, program: string, args: readonly string[], output: number): Promise<ChildProcess> {
  const child = spawn(path.join(home.binaries, 'bin', program), args, {
    cwd: home.folder,
    detached: true,
    stdio: ['ignore', output, output],
    // nothing of ours: PGDATA and its like would change what it does, and secrets are none of its business
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...home.user,
  })
  await once(child, 'spawn')
  return child
}

/** Waits until a process has ended. */
export async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await once(child, 'exit')
}

/** Sends a signal; a process that has ended needs none. A negative id means its whole group. */
export function signalled(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

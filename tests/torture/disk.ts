import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'

/** What a process writes its data to. */
export interface Disk {
  /** Leaves no room for some time. */
  fill(forMs: number): Promise<void>
  close(): void
}

/**
 * A file system of its own, in memory: it is full when it is made as small as what is on it.
 *
 * @param sizeBytes takes memory only as it is used
 */
export function mountDisk(folder: string, sizeBytes: number): Disk {
  const options = (bytes: number) => `size=${bytes},mode=755`
  mustRun('mount', '-t', 'tmpfs', '-o', options(sizeBytes), 'lianban-torture', folder)
  const resize = (bytes: number) => run('mount', '-o', `remount,${options(bytes)}`, folder)
  return {
    async fill(forMs) {
      // refused when more has been written since it was asked: then it is asked again
      for (let tries = 1; ; tries++) {
        const { blocks, bfree, bsize } = await statfs(folder)
        // size=0 would be no limit
        const refused = resize(Math.max(blocks - bfree, 1) * bsize)
        if (refused === undefined) break
        if (tries === mostTries) throw new Error(refused)
      }
      await pause(forMs)
      const refused = resize(sizeBytes)
      if (refused !== undefined) throw new Error(refused)
    },
    close: () => mustRun('umount', '--lazy', folder),
  }
}

const mostTries = 50
const betweenLooksMs = 100

/**
 * Where nothing can be mounted: processes that may make no file longer, so that writes fail (EFBIG).
 *
 * @param pids whose disk it is, as they are now
 */
export function limitWrites(pids: () => readonly number[]): Disk {
  const limit = (to: string) => {
    for (const pid of pids()) {
      const owner = statSync(`/proc/${pid}`, { throwIfNoEntry: false })
      // as its owner: not every root may change another's limits; one that has ended meanwhile has none
      if (owner) spawnSync('prlimit', ['--pid', String(pid), `--fsize=${to}:`], { uid: owner.uid, gid: owner.gid })
    }
  }
  return {
    async fill(forMs) {
      const until = performance.now() + forMs
      while (performance.now() < until) {
        // also those that were started since
        limit('0')
        await pause(betweenLooksMs)
      }
      limit('unlimited')
    },
    close: () => undefined,
  }
}

function mustRun(program: string, ...args: readonly string[]): void {
  const refused = run(program, ...args)
  if (refused !== undefined) throw new Error(refused)
}

/** @returns what went wrong */
function run(program: string, ...args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0 ? undefined : `${program} ${args.join(' ')}: ${stderr || error}`
}

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import path from 'node:path'

/**
 * When a process started, in whatever words this system has for it: together with the pid it names a process for
 * ever, as a pid alone doesn't.
 *
 * @returns undefined when there is no such process
 */
export function startOfProcess(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  const stat = readProc(`/proc/${pid}/stat`)
  if (stat !== undefined) {
    // the name in parentheses may hold anything, also spaces; field 22 is the start in ticks since boot
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    return `${fields[19]} ${readProc('/proc/sys/kernel/random/boot_id')?.trim()}`
  }
  if (process.platform === 'linux') return undefined
  return psColumn(pid, 'lstart')
}

/** Whether this process is a Postgres server that works in this folder. */
export function isPostgresOf(pid: number, cluster: string): boolean {
  if (startOfProcess(pid) === undefined) return false
  if (process.platform !== 'linux') return psColumn(pid, 'command')?.includes(cluster) === true
  try {
    const program = path.basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''))
    return program === 'postgres' && readlinkSync(`/proc/${pid}/cwd`) === cluster
  } catch {
    // gone meanwhile, or somebody else's: ours could be looked at
    return false
  }
}

/** Every process of a cluster, also those that outlive their server for a moment; only Linux can tell. */
export function postgresProcessesOf(cluster: string): number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isPostgresOf(pid, cluster))
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // no such process, or a system without /proc
    return undefined
  }
}

function psColumn(pid: number, column: string): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' })
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined
}

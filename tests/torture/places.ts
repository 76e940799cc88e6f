import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Disk, limitWrites, mountDisk } from './disk.ts'
import { roles, type Target } from './schedule.ts'

/** What each process has for itself in the folder of a run: a log, a disk, a clock. */
export interface Places {
  /** what the process prints */
  logFile(name: Target): string
  /** on a disk of its own */
  dataDir(name: Target): string
  disk(name: Target): Disk
  /** for jumping-clock.mjs */
  clockFile(name: Target): string
  /** Sets a process's clock wrong for some time. */
  jump(name: Target, aheadMs: number, forMs: number): Promise<void>
  /** where all gateways find the log's key */
  readonly keyFile: string
  close(): void
}

const everybody = Object.values(roles).flat()
const mebibyte = 2 ** 20
/** far more than a run of an hour writes */
const sizeBytes = (name: Target) => (name === 'postgres' || name === 'broker' ? 8192 : 64) * mebibyte

/** @param pidsOf those of a process now, where nothing can be mounted */
export async function makePlaces(
  folder: string,
  { tmpfs, pidsOf }: { tmpfs: boolean; pidsOf: (name: Target) => readonly number[] },
): Promise<Places> {
  for (const one of ['logs', 'clocks', 'keys']) await mkdir(join(folder, one))
  const places = {
    logFile: (name: Target) => join(folder, 'logs', `${name}.log`),
    dataDir: (name: Target) => join(folder, 'data', name),
    clockFile: (name: Target) => join(folder, 'clocks', name),
  }
  const disks = new Map<Target, Disk>()
  for (const name of everybody) {
    const dataDir = places.dataDir(name)
    await mkdir(dataDir, { recursive: true })
    disks.set(name, tmpfs ? mountDisk(dataDir, sizeBytes(name)) : limitWrites(() => pidsOf(name)))
  }
  return {
    ...places,
    disk(name) {
      const found = disks.get(name)
      if (found === undefined) throw new Error(`${name} has no disk`)
      return found
    },
    async jump(name, aheadMs, forMs) {
      await writeFile(places.clockFile(name), String(aheadMs))
      await pause(forMs)
      await writeFile(places.clockFile(name), '0')
    },
    keyFile: join(folder, 'keys', 'log.key'),
    close() {
      for (const disk of disks.values()) disk.close()
    },
  }
}

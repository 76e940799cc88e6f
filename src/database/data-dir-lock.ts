import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { CannotStart } from '../domain/cannot-start.ts'
import { startOfProcess } from './process.ts'

export interface DataDirLock {
  release(): Promise<void>
}

const prefix = 'exchange.lock.'

/**
 * Makes this process the only exchange on a data directory.
 *
 * Node has no flock, so the lock is a file that names its holder by pid and start time, and a dead holder's file has to
 * be overtaken without two overtakers both winning. So lock files are numbered and the highest counts: whoever links
 * the next number first holds it, and numbers never run backwards because a release empties the file but leaves it.
 *
 * @throws {Error} when a living process holds it
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  await mkdir(dataDir, { recursive: true })
  const mine = path.join(dataDir, `.lock-${process.pid}-${Math.random().toString(36).slice(2)}`)
  await writeFile(mine, `${process.pid} ${startOfProcess(process.pid)}\n`, { mode: 0o600 })
  try {
    // every round somebody else has made progress; a hundred rounds mean that something else is wrong
    for (let round = 0; round < 100; round++) {
      const highest = (await numbersIn(dataDir)).at(-1) ?? 0
      const holder = await holderOf(path.join(dataDir, `${prefix}${highest}`))
      if (holder !== undefined) {
        throw new CannotStart(
          `${path.resolve(dataDir)} is in use by the exchange with process id ${holder}. Stop that one, or give this one a DATA_DIR of its own.`,
        )
      }
      const file = path.join(dataDir, `${prefix}${highest + 1}`)
      if (!(await linked(mine, file))) continue
      const numbers = await numbersIn(dataDir)
      if (numbers.at(-1) !== highest + 1) {
        await rm(file, { force: true })
        continue
      }
      for (const number of numbers.slice(0, -1)) await rm(path.join(dataDir, `${prefix}${number}`), { force: true })
      return { release: () => released(file) }
    }
    throw new Error(`${path.resolve(dataDir)} could not be locked: too many exchanges start on it at once`)
  } finally {
    await rm(mine, { force: true })
  }
}

/** @returns pid of the living exchange on this data directory, undefined when there is none */
export async function exchangeOn(dataDir: string): Promise<number | undefined> {
  const highest = (await numbersIn(dataDir)).at(-1)
  return highest === undefined ? undefined : holderOf(path.join(dataDir, `${prefix}${highest}`))
}

async function numbersIn(dataDir: string): Promise<number[]> {
  const names = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .filter(Number.isSafeInteger)
    .sort((a, b) => a - b)
}

/** @returns the pid in the file, undefined when nobody alive holds it */
async function holderOf(file: string): Promise<number | undefined> {
  const content = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const [pid, ...start] = content.trim().split(' ')
  if (!pid) return undefined
  return startOfProcess(Number(pid)) === start.join(' ') ? Number(pid) : undefined
}

async function released(file: string): Promise<void> {
  try {
    await writeFile(file, '')
  } catch (error) {
    // whoever removed the whole directory has released it too
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

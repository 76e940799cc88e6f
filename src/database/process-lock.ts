import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { startOfProcess } from './process.ts'

export interface ProcessLock {
  release(): Promise<void>
}

/**
 * Makes this process the only holder of a name in a folder.
 *
 * Node has no flock, so the lock is a file that names its holder by pid and start time, and a dead holder's file has to
 * be overtaken without two overtakers both winning. So lock files are numbered and the highest counts: whoever links
 * the next number first holds it, and numbers never run backwards because a release empties the file but leaves it.
 *
 * @param prefix what the lock files' names begin with
 * @returns the lock, or the pid of the living process that holds it
 */
export async function lockByProcess(folder: string, prefix: string): Promise<ProcessLock | { readonly heldBy: number }> {
  const mine = path.join(folder, `.lock-${process.pid}-${Math.random().toString(36).slice(2)}`)
  try {
    await writeFile(mine, `${process.pid} ${startOfProcess(process.pid)}\n`, { mode: 0o600 })
    // every round somebody else has made progress; a hundred rounds mean that something else is wrong
    for (let round = 0; round < 100; round++) {
      const highest = (await numbersIn(folder, prefix)).at(-1) ?? 0
      const heldBy = await holderOf(path.join(folder, `${prefix}${highest}`))
      if (heldBy !== undefined) return { heldBy }
      const file = path.join(folder, `${prefix}${highest + 1}`)
      if (!(await linked(mine, file))) continue
      const numbers = await numbersIn(folder, prefix)
      if (numbers.at(-1) !== highest + 1) {
        await rm(file, { force: true })
        continue
      }
      for (const number of numbers.slice(0, -1)) await rm(path.join(folder, `${prefix}${number}`), { force: true })
      return { release: () => released(file) }
    }
    throw new Error(`${path.resolve(folder)} could not be locked: too many processes try it at once`)
  } finally {
    await rm(mine, { force: true })
  }
}

/** @returns pid of the living process that holds the lock, undefined when there is none */
export async function holderOfLock(folder: string, prefix: string): Promise<number | undefined> {
  const highest = (await numbersIn(folder, prefix)).at(-1)
  return highest === undefined ? undefined : holderOf(path.join(folder, `${prefix}${highest}`))
}

async function numbersIn(folder: string, prefix: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
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

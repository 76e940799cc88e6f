import path from 'node:path'
import { CannotStart } from '../domain/cannot-start.ts'
import { makeDataDir } from './data-dir.ts'
import { holderOfLock, lockByProcess, type ProcessLock } from './process-lock.ts'

const prefix = 'exchange.lock.'

/**
 * Makes this process the only exchange on a data directory.
 *
 * @throws {CannotStart} when a living process holds it, or it can't be used
 */
export async function lockDataDir(dataDir: string): Promise<ProcessLock> {
  await makeDataDir(dataDir)
  const lock = await lockByProcess(dataDir, prefix)
  if (!('heldBy' in lock)) return lock
  throw new CannotStart(
    `${path.resolve(dataDir)} is in use by the exchange with process id ${lock.heldBy}. Stop that one, or give this one a DATA_DIR of its own.`,
  )
}

/** @returns pid of the living exchange on this data directory, undefined when there is none */
export function exchangeOn(dataDir: string): Promise<number | undefined> {
  return holderOfLock(dataDir, prefix)
}

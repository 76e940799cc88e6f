import { open, readFile, stat, truncate } from 'node:fs/promises'
import path from 'node:path'

/** The server's own log is emptied above this size. */
const maxLogBytes = 4 * 1024 * 1024
const boundEveryMs = 60_000

/** @param folder of the home */
export const logFile = (folder: string) => path.join(folder, 'server.log')

/** Opens the log for a program to write to, for as long as `use` takes. */
export async function openLog<T>(folder: string, use: (output: number) => Promise<T>): Promise<T> {
  const file = await open(logFile(folder), 'a', 0o600)
  try {
    return await use(file.fd)
  } finally {
    await file.close()
  }
}

/** Empties the log when it has become long. */
export async function boundLog(folder: string): Promise<void> {
  const size = await sizeOf(logFile(folder))
  if (size > maxLogBytes) await truncate(logFile(folder))
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}

/**
 * Looks after the log once a minute, for as long as the process has something else to do. That it fails is only told: the database
 * works without it.
 *
 * @returns ends it
 */
export function keepLogShort(folder: string, log: { error(message: string): void }): () => void {
  const timer = setInterval(() => {
    boundLog(folder).catch((error) => log.error(`Postgres's own log can't be kept short, which is tried again: ${String(error)}`))
  }, boundEveryMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** @returns the last lines that Postgres wrote, in one */
export async function lastWords(folder: string): Promise<string> {
  const lines = (await readFile(logFile(folder), 'utf8').catch(() => '')).trimEnd().split('\n')
  return lines.slice(-6).join(' / ')
}

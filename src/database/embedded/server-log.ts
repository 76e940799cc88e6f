import { open, readFile, stat, truncate } from 'node:fs/promises'
import path from 'node:path'

/** The server's own log is emptied above this size. */
const maxLogBytes = 4 * 1024 * 1024

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
  const { size } = await stat(logFile(folder)).catch(() => ({ size: 0 }))
  if (size > maxLogBytes) await truncate(logFile(folder))
}

/** @returns the last lines that Postgres wrote, in one */
export async function lastWords(folder: string): Promise<string> {
  const lines = (await readFile(logFile(folder), 'utf8').catch(() => '')).trimEnd().split('\n')
  return lines.slice(-6).join(' / ')
}

import { stat } from 'node:fs/promises'
import { type LogSource, SourceFailed } from './log-source.ts'
import { folderSource } from './source-folder.ts'
import { type HttpSourceOptions, httpSource } from './source-http.ts'
import { zipSource } from './source-zip.ts'

/** Whether a log is to be read over HTTP. */
export function isUrl(target: string): boolean {
  return /^https?:\/\//i.test(target) && URL.canParse(target)
}

/**
 * Opens a log wherever it is.
 *
 * @param target URL of an exchange or of a served export, folder of an export or mirror, or a zip of one
 * @throws {SourceFailed} when there is nothing to read
 */
export async function openSource(target: string, options: HttpSourceOptions = {}): Promise<LogSource> {
  if (isUrl(target)) return httpSource(askable(target), options)
  const found = await stat(target).catch(() => undefined)
  if (found?.isDirectory()) return folderSource(target)
  if (found?.isFile()) return zipSource(target)
  throw new SourceFailed('missing', `${withoutPassword(target)} is no folder, no file, and no http:// or https:// address`)
}

/** @throws {SourceFailed} for what no client may ask */
function askable(url: string): string {
  const { username, password } = new URL(url)
  if (username === '' && password === '') return url
  throw new SourceFailed(
    'refused',
    `${withoutPassword(url)} has a name or password in it, which a log is never asked with: leave them out, and give --key for what only auditors may read`,
  )
}

/** Messages end up in logs and reports. */
const withoutPassword = (target: string) => target.replace(/\/\/[^/?#]*@/, '//…@')

import { type LogSource, SourceFailed } from '../audit/log-source.ts'
import type { LogReader } from '../log/read.ts'
import { encodeBundle } from '../log/tile.ts'

/** A log straight out of its database, for an export of one that no gateway may serve any more. */
export function databaseSource(name: string, log: LogReader): LogSource {
  const need = <T>(value: T | undefined, what: string): T => {
    if (value === undefined) throw new SourceFailed('missing', `${name} has no ${what}`)
    return value
  }
  return {
    name,
    checkpoint: () => log.checkpoint(),
    tile: async (level, n, width) => need(await log.tile(level, n, width), `tile ${level}/${n}`),
    bundle: async (n, width) => encodeBundle(need(await log.entries(n, width), `entries of bundle ${n}`)),
    blob: async (digest) => Buffer.from(need(await log.blob(digest), `file ${digest}`)),
    close: () => Promise.resolve(),
  }
}

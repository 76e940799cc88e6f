import { type LogSource, SourceFailed } from '../log-source.ts'
import { manifestName, readManifest } from './manifest.ts'
import type { Range } from './range.ts'

const maxManifestBytes = 64 * 1024

/**
 * What to say when a source lacks a file: where it says of itself that it is a copy of a part, which part that is. Its word is not asked
 * before, since it may hold more than its manifest says.
 *
 * @returns any other error as it is
 */
export async function missingFrom({ name, beside }: LogSource, { next, to }: Range, error: unknown): Promise<unknown> {
  if (!(error instanceof SourceFailed) || error.code !== 'missing') return error
  // a source that can't say what it holds still lacks the file, which is what is told then
  const manifest = readManifest(await beside?.(manifestName, maxManifestBytes).catch(() => undefined))
  if (manifest === undefined || (manifest.from <= next && manifest.to >= to)) return error
  if (manifest.from === manifest.to) return new SourceFailed('missing', `${name} is a copy that holds no entry: take another one`)
  const held = `holds entries ${manifest.from} to ${manifest.to - 1} only`
  return new SourceFailed(
    'missing',
    `${name} is a copy that ${held}: export these with --from ${manifest.from} --to ${manifest.to}, or from a copy that holds more`,
  )
}

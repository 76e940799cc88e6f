import { isJsonObject } from '../domain/text.ts'

/** SHA-256 of the files that a catalogue entry names; nothing else may become a path. */
export function digestsIn(catalogueEntry: Buffer): string[] {
  const { files }: { files?: unknown } = JSON.parse(catalogueEntry.toString('utf8'))
  if (!isJsonObject(files)) return []
  return Object.values(files)
    .map(String)
    .filter((digest) => /^[0-9a-f]{64}$/.test(digest))
}

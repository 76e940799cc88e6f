import { isJsonObject } from '../../domain/text.ts'

/** What an export says of itself. For people and for the next export: nothing of it is believed by whoever verifies. */
export interface Manifest {
  readonly format: typeof exportFormat
  readonly origin: string
  /** first entry whose bytes are here: a multiple of 256 */
  readonly from: number
  /** exclusive; a multiple of 256 or the log's size */
  readonly to: number
  /** of the checkpoint; tiles are here for all of it */
  readonly size: number
  /** RFC 3339 UTC */
  readonly exportedAt: string
}

export const exportFormat = 'lianban-export@1'
export const manifestName = 'manifest.json'

export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`
}

/** @returns undefined for anything but a manifest of this format */
export function readManifest(bytes: Buffer | undefined): Manifest | undefined {
  const value = parsed(bytes)
  if (!isJsonObject(value)) return undefined
  const { format, origin, from, to, size, exportedAt } = value
  if (format !== exportFormat || typeof origin !== 'string' || typeof exportedAt !== 'string') return undefined
  if (!isIndex(from) || !isIndex(to) || !isIndex(size) || from > to || to > size) return undefined
  return { format, origin, from, to, size, exportedAt }
}

const isIndex = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

function parsed(bytes: Buffer | undefined): unknown {
  try {
    return bytes === undefined ? undefined : JSON.parse(bytes.toString('utf8'))
  } catch {
    // the same as none
    return undefined
  }
}

import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isJsonObject } from '../domain/text.ts'
import { CatalogueInvalid } from './rules.ts'

/** Under this name the catalogue itself stands among its files, whatever it is called on disk. */
export const catalogueName = 'catalogue.json'

/** A file of a catalogue becomes a row of the log's blobs and a body of its export. */
export const maxFileBytes = 1_048_576
/** One schema for each type, one table for each bureau, and room. */
export const maxFiles = 1000

// Segments that begin with no dot can't lead out of the catalogue's folder.
const fileName = /^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*\.json$/

/** Whether a name may stand in a catalogue: relative, inside its folder, JSON. */
export function isFileName(name: string): boolean {
  return fileName.test(name) && name.length <= 200
}

/**
 * Reads a catalogue and every file it refers to.
 *
 * A file that is not there is left out: `compileRules` names it together with all other faults.
 *
 * @param path of the catalogue; names in it are relative to its folder
 * @returns content by name, `catalogue.json` first
 * @throws {CatalogueInvalid} the catalogue itself is not there, or something is too large
 */
export async function readCatalogueFiles(path: string): Promise<ReadonlyMap<string, string>> {
  const catalogue = await readBounded(path)
  if (catalogue === undefined) throw new CatalogueInvalid([`${path} is not there`])
  const names = referredFiles(catalogue).filter((name) => isFileName(name) && name !== catalogueName)
  if (names.length > maxFiles) throw new CatalogueInvalid([`it refers to ${names.length} files; at most ${maxFiles} are allowed`])
  const folder = dirname(path)
  const contents = await Promise.all(names.map((name) => readBounded(join(folder, name))))
  const found = names.flatMap((name, i): [string, string][] => {
    const content = contents[i]
    return content === undefined ? [] : [[name, content]]
  })
  return new Map([[catalogueName, catalogue], ...found])
}

/** SHA-256 of every file, hex, sorted by name: what a `catalogue` entry of the log says. */
export function catalogueDigests(files: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const names = [...files.keys()].sort()
  return Object.fromEntries(names.map((name) => [name, sha256(files.get(name) ?? '')]))
}

/** Every file name in a catalogue that need not be a good one: nothing here judges it. */
function referredFiles(text: string): readonly string[] {
  const catalogue = parsed(text)
  if (!isJsonObject(catalogue)) return []
  const views = listOf(catalogue.parties).map((party) => member(party, 'view'))
  const names = [
    catalogue.envelope,
    ...listOf(catalogue.types).map((type) => member(type, 'schema')),
    ...views.map((view) => member(member(view, 'assignment'), 'table')),
    ...views.map((view) => member(view, 'recordSchema')),
  ]
  return [...new Set(names.filter((name) => typeof name === 'string'))]
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const member = (value: unknown, name: string): unknown => (isJsonObject(value) ? value[name] : undefined)

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // compileRules says what is wrong with it
  }
}

async function readBounded(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(absent)
  if (!found?.isFile()) return undefined
  if (found.size > maxFileBytes)
    throw new CatalogueInvalid([`${path} has ${found.size} bytes; at most ${maxFileBytes} are allowed`])
  return readFile(path, 'utf8')
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
  throw error
}

const sha256 = (content: string) => createHash('sha256').update(content, 'utf8').digest('hex')

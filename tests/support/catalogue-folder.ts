import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'

/** The catalogue that the product ships with. */
export const shippedCatalogue = join(import.meta.dirname, '..', '..', 'schemas', 'catalogue.json')

/**
 * A folder with the shipped catalogue and its files, the catalogue changed.
 *
 * @returns the path of its catalogue.json
 */
export async function catalogueFolder(change: (shipped: Catalogue) => Catalogue): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lianban-catalogue-'))
  await cp(dirname(shippedCatalogue), folder, { recursive: true })
  const shipped: Catalogue = JSON.parse(await readFile(shippedCatalogue, 'utf8'))
  const path = join(folder, 'catalogue.json')
  await writeFile(path, JSON.stringify(change(shipped), null, 2))
  return path
}

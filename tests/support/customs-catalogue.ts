import { cp, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { catalogueFolder } from './catalogue-folder.ts'
import type { Example } from './examples.ts'

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'customs')

/** The shipped catalogue and a second kind, electronic transfer between customs offices: added by files alone. */
export async function customsCatalogue(): Promise<string> {
  const customs: Pick<Catalogue, 'parties' | 'kinds' | 'types'> = JSON.parse(
    await readFile(join(fixtures, 'catalogue.json'), 'utf8'),
  )
  const path = await catalogueFolder((shipped) => ({
    ...shipped,
    parties: [...shipped.parties, ...customs.parties],
    kinds: [...shipped.kinds, ...customs.kinds],
    types: [...shipped.types, ...customs.types],
  }))
  await cp(join(fixtures, 'transfer'), join(dirname(path), 'transfer'), { recursive: true })
  return path
}

/** One transfer and one transit, each through its whole life, in legal order. */
export async function customsExamples(): Promise<readonly Example[]> {
  return JSON.parse(await readFile(join(fixtures, 'examples.json'), 'utf8'))
}

import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { catalogueDigests, isFileName, maxFileBytes, readCatalogueFiles } from '../../src/catalogue/load.ts'
import { shippedCatalogue } from '../support/catalogue-folder.ts'

describe('the files of a catalogue', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lianban-load-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const write = async (catalogue: object) => {
    const path = join(folder, 'rules.json')
    await writeFile(path, JSON.stringify(catalogue))
    return path
  }

  test('are the catalogue, the envelope and the schema of each type', async () => {
    const names = [...(await readCatalogueFiles(shippedCatalogue)).keys()]
    expect(names.slice(0, 2)).toEqual(['catalogue.json', 'event.json'])
    expect(names).toHaveLength(15)
    expect(names).toContain('registration/tax.clearance-issued.v1.json')
  })

  test('are the same whatever the catalogue is called on disk, tables and record schemas among them', async () => {
    const view = { assignment: { field: 'division', table: 'a/offices.json' }, recordSchema: 'record.json' }
    const path = await write({ envelope: 'event.json', parties: [{ view }], types: [] })
    await mkdir(join(folder, 'a'))
    for (const name of ['event.json', 'a/offices.json', 'record.json']) await writeFile(join(folder, name), `{"of":"${name}"}`)
    const files = await readCatalogueFiles(path)
    expect([...files.keys()]).toEqual(['catalogue.json', 'event.json', 'a/offices.json', 'record.json'])
    expect(files.get('a/offices.json')).toBe('{"of":"a/offices.json"}')
  })

  test('never lie outside its folder', async () => {
    await mkdir(join(folder, 'inner'))
    await writeFile(join(folder, 'secret.json'), '{}')
    const path = join(folder, 'inner', 'catalogue.json')
    await writeFile(
      path,
      JSON.stringify({
        envelope: '../secret.json',
        types: [{ schema: join(folder, 'secret.json') }, { schema: 'a/../../secret.json' }],
      }),
    )
    expect([...(await readCatalogueFiles(path)).keys()]).toEqual(['catalogue.json'])
    for (const name of ['../a.json', '/a.json', 'a/../b.json', './a.json', 'a\\b.json', '.a.json', 'a.txt', ''])
      expect(isFileName(name)).toBe(false)
    for (const name of ['a.json', 'a/b.v1.json', 'A_1/b-c.json']) expect(isFileName(name)).toBe(true)
  })

  test('may be missing, since all faults are told together later; the catalogue itself may not', async () => {
    expect([...(await readCatalogueFiles(await write({ envelope: 'nowhere.json' }))).keys()]).toEqual(['catalogue.json'])
    await expect(readCatalogueFiles(join(folder, 'none.json'))).rejects.toMatchObject({ name: 'CatalogueInvalid' })
  })

  test('have a greatest size', async () => {
    const path = await write({ envelope: 'large.json' })
    await writeFile(join(folder, 'large.json'), ' '.repeat(maxFileBytes + 1))
    await expect(readCatalogueFiles(path)).rejects.toThrow(/large\.json has 1048577 bytes/)
  })

  test('are named by their SHA-256, sorted by name', async () => {
    const files = await readCatalogueFiles(shippedCatalogue)
    const digests = catalogueDigests(files)
    expect(Object.keys(digests)).toEqual([...files.keys()].sort())
    expect(digests['catalogue.json']).toBe(
      createHash('sha256')
        .update(await readFile(shippedCatalogue))
        .digest('hex'),
    )
  })
})

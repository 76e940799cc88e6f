import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { isPartyId, partyPattern } from '../../src/domain/party-id.ts'

it('a party’s id is what a catalogue may call one', async () => {
  const schema = JSON.parse(await readFile('schemas/catalogue.schema.json', 'utf8'))
  expect(schema.$defs.id.pattern).toBe(partyPattern)
  for (const id of ['a', 'local-tax', 'a'.repeat(31)]) expect(isPartyId(id), id).toBe(true)
  for (const id of ['', 'Tax', '1a', 'a'.repeat(32), 'a\n', 'a/b']) expect(isPartyId(id), id).toBe(false)
})

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Party } from '../catalogue/catalogue.ts'
import { registerKey } from '../identity/key-request.ts'
import { generateKey, importSigningKey, type SigningKey } from '../identity/private-key.ts'
import type { Appendable, Appended } from '../log/appendable.ts'
import { keyToAppend } from '../log/key-append.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import { makeSecretFile } from '../secret-file.ts'

interface Means {
  /** files are `<folder>/<party>.jwk`, mode 0600 */
  readonly folder: string
  readonly origin: string
  readonly keeper: RulesKeeper
  append(item: Appendable): Promise<Appended>
  now(): Date
}

/**
 * Gives every party of the catalogue a key of its own to develop with. The first operator's vouches for itself and then
 * for all others. Parties that ever had a key are left alone, so a start that was killed halfway is finished by the next.
 */
export async function makeDevelopmentKeys(means: Means): Promise<void> {
  const { keeper, folder } = means
  const without = () => keeper.inForce.rules.catalogue.parties.filter(({ id }) => keeper.inForce.keys.history(id).length === 0)
  const [operator] = [...keeper.inForce.rules.parties.values()].filter(({ role }) => role === 'operator')
  if (operator === undefined) throw new Error('the catalogue has no party with the role operator, so nobody could vouch for keys')
  const anyKey = keeper.inForce.keys.history().length > 0
  if (without().length === 0) return
  if (!anyKey) {
    const key = await keyOf(operator, folder)
    await register(key, key, operator, means)
  }
  const voucher = await readKey(join(folder, `${operator.id}.jwk`))
  // an operator whose key is not here has taken over: it registers the others itself
  if (voucher === undefined || keeper.inForce.keys.find(voucher.kid)?.party !== operator.id) return
  for (const party of without()) await register(await keyOf(party, folder), voucher, party, means)
}

async function keyOf({ id }: Party, folder: string): Promise<SigningKey> {
  const file = join(folder, `${id}.jwk`)
  const existing = await readKey(file)
  if (existing !== undefined) return existing
  await makeSecretFile(file, `${JSON.stringify(await generateKey('ES256'), null, 2)}\n`)
  return importSigningKey(JSON.parse(await readFile(file, 'utf8')))
}

async function readKey(file: string): Promise<SigningKey | undefined> {
  try {
    return await importSigningKey(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function register(key: SigningKey, by: SigningKey, party: Party, { origin, append, now }: Means): Promise<void> {
  const entry = await registerKey(key, by, { party: party.id, log: origin, now: now() })
  const appended = await append(keyToAppend(entry, origin, now))
  if (appended.outcome === 'refused')
    throw new Error(`the development key of ${party.id} was refused: ${appended.refusal.detail.en}`)
}

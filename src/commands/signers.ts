import { join } from 'node:path'
import type { SigningKey } from '../identity/private-key.ts'
import { CommandFailed } from './command.ts'
import { readSigningKey } from './key-file.ts'

/** The key that signs for a party, or why there is none. */
export type Signers = (party: string) => Promise<SigningKey | CommandFailed>

/** One key for all, or `<folder>/<party>.jwk`, each read once. */
export async function signersOf({ key, keys }: { key?: string; keys?: string }): Promise<Signers> {
  if ((key === undefined) === (keys === undefined)) throw new CommandFailed('give either --key FILE or --keys DIR')
  if (key !== undefined) {
    const one = await readSigningKey(key)
    return () => Promise.resolve(one)
  }
  const known = new Map<string, Promise<SigningKey | CommandFailed>>()
  return (party) => {
    const found = known.get(party) ?? keyIn(keys ?? '', party)
    known.set(party, found)
    return found
  }
}

async function keyIn(folder: string, party: string): Promise<SigningKey | CommandFailed> {
  // a party's name comes from the file that is posted and must not lead out of the folder
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(party)) return new CommandFailed(`${party} can't be the name of a party`)
  try {
    return await readSigningKey(join(folder, `${party}.jwk`))
  } catch (error) {
    if (error instanceof CommandFailed) return error
    throw error
  }
}

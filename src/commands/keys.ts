import type { Command } from 'commander'
import { addKeysGenerate } from './keys-generate.ts'
import { addKeysList } from './keys-list.ts'
import { addKeysRegister } from './keys-register.ts'
import { addKeysRevoke } from './keys-revoke.ts'
import { addKeysVouch } from './keys-vouch.ts'

/** `keys …`: a key's life, from generation to revocation. */
export function addKeysCommands(program: Command): void {
  const keys = program.command('keys').description('make, register, revoke and list the keys that parties sign with')
  addKeysGenerate(keys)
  addKeysRegister(keys)
  addKeysVouch(keys)
  addKeysRevoke(keys)
  addKeysList(keys)
}

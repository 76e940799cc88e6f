import type { KeyObject } from 'node:crypto'
import { access } from 'node:fs/promises'
import type { Command } from 'commander'
import { type NoteVerifier, parseVkey } from '../log/note.ts'
import { CommandFailed } from './command.ts'
import { faultOf, readText } from './key-file.ts'

export interface VkeyOptions {
  readonly vkey?: string
}

/** The log's public key as an auditor gives it. */
export interface LogKeyGiven {
  readonly vkey: string
  readonly verifier: NoteVerifier & { readonly publicKey: KeyObject }
}

/** `--vkey`, of every command that proves something. */
export function withVkey(command: Command): Command {
  return command.option(
    '--vkey <vkey>',
    "the log's public key, or a file with it; get it from whoever you trust, never from what is under audit",
  )
}

/** @throws {CommandFailed} exit code 2 */
export async function readVkey({ vkey }: VkeyOptions): Promise<LogKeyGiven> {
  if (vkey === undefined)
    throw new CommandFailed(
      "--vkey is missing: without the log's public key nothing can be proved, and a key that the server names proves only that it agrees with itself",
    )
  // a vkey always has plus signs in it, and a path to one seldom
  const isText = vkey.split('+').length >= 3 && !(await exists(vkey))
  const text = (isText ? vkey : await readText(vkey)).trim()
  try {
    return { vkey: text, verifier: parseVkey(text) }
  } catch (error) {
    throw new CommandFailed(`--vkey: ${faultOf(error)}`)
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

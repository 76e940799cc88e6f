import type { KeyObject } from 'node:crypto'
import { access } from 'node:fs/promises'
import type { Command } from 'commander'
import { parseWitnesses, type Witness } from '../log/cosignature.ts'
import { type NoteVerifier, parseVkey } from '../log/note.ts'
import { CommandFailed } from './command.ts'
import { faultOf, readText } from './key-file.ts'
import { wholeNumber } from './options.ts'

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
  const text = await textOrFile(vkey, '--vkey')
  try {
    return { vkey: text, verifier: parseVkey(text) }
  } catch (error) {
    throw new CommandFailed(`--vkey: ${faultOf(error)}`)
  }
}

export interface WitnessOptions {
  readonly witnessVkey?: readonly string[]
  readonly quorum?: number
}

/** `--witness-vkey` and `--quorum`, of commands that ask for cosignatures. */
export function withWitnesses(command: Command): Command {
  return command
    .option(
      '--witness-vkey <vkey>',
      "a witness's public key, or a file with it: its cosignature is asked for; may be given several times",
      (vkey: string, before: readonly string[] = []) => [...before, vkey],
    )
    .option('--quorum <n>', 'how many of these witnesses must have cosigned; default: all of them', wholeNumber(1, 64))
}

/** @throws {CommandFailed} exit code 2 */
export async function readWitnesses({
  witnessVkey = [],
  quorum = witnessVkey.length,
}: WitnessOptions): Promise<{ witnesses: readonly Witness[]; quorum: number }> {
  const texts = await Promise.all(witnessVkey.map((vkey) => textOrFile(vkey, '--witness-vkey')))
  if (quorum > texts.length)
    throw new CommandFailed(`--quorum asks for ${quorum} witnesses, and --witness-vkey names ${texts.length}`)
  try {
    return { witnesses: parseWitnesses(texts), quorum }
  } catch (error) {
    throw new CommandFailed(`--witness-vkey: ${faultOf(error)}`)
  }
}

/** A vkey always has plus signs in it, and a path to one seldom. */
async function textOrFile(vkey: string, option: string): Promise<string> {
  if (vkey.trim() === '')
    throw new CommandFailed(`${option} is empty: give the key or a file with it; a variable that is not set is empty`)
  const isText = vkey.split('+').length >= 3 && !(await exists(vkey))
  return (isText ? vkey : await readText(vkey)).trim()
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

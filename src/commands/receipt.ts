import { access } from 'node:fs/promises'
import type { Command } from 'commander'
import { isJsonObject, type JsonObject } from '../domain/text.ts'
import { splitCompact } from '../identity/compact.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import { parseVkey } from '../log/note.ts'
import { parseReceipt, verifyReceipt } from '../log/receipt.ts'
import { CommandFailed } from './command.ts'
import { faultOf, readBytes, readText } from './key-file.ts'
import { tableText } from './table.ts'

interface Options {
  readonly vkey: string
  readonly entry?: string
}

/** `receipt verify` */
export function addReceiptCommands(program: Command): void {
  program
    .command('receipt')
    .description('what a receipt proves')
    .command('verify')
    .description("prove with the log's public key alone that an entry is in the log")
    .argument('<receipt.tlog-proof>', 'the receipt')
    .requiredOption(
      '--vkey <vkey>',
      "the log's public key, or a file with it; get it from whoever you trust, not from the exchange",
    )
    .option('--entry <file>', 'the entry; default: the .entry file beside the receipt, or what the receipt carries')
    .addHelpText(
      'after',
      '\nExample:\n  lianban receipt verify receipts/01.tlog-proof --vkey .lianban/log.vkey\n\n' +
        'Exit code 0: proved; 1: the receipt does not prove it; 2: it could not be found out.',
    )
    .action(verify)
}

async function verify(file: string, { vkey, entry: entryFile }: Options): Promise<void> {
  const text = await readText(file)
  const log = await logOf(vkey)
  const entry = await entryOf(file, text, entryFile)
  const checked = attempt(() => verifyReceipt(text, entry, log), 1, `${file} proves nothing: `)
  process.stdout.write(
    tableText([
      ['proved', 'this entry is in the log'],
      ['log', checked.origin],
      ['index', String(checked.index)],
      ['log size', `${checked.size} entries when the receipt was made`],
      ...contentRows(entry),
    ]),
  )
}

async function logOf(vkey: string) {
  // a vkey always has plus signs in it, and a path to one seldom
  const text = vkey.split('+').length >= 3 && !(await exists(vkey)) ? vkey : await readText(vkey)
  return attempt(() => parseVkey(text.trim()), 2, '--vkey: ')
}

async function entryOf(file: string, receipt: string, entryFile: string | undefined): Promise<Uint8Array> {
  if (entryFile !== undefined) return readBytes(entryFile)
  const beside = `${file.replace(/\.tlog-proof$/, '')}.entry`
  if (await exists(beside)) return readBytes(beside)
  const { extra } = attempt(() => parseReceipt(receipt), 1, `${file} proves nothing: `)
  if (extra === undefined)
    throw new CommandFailed(`${beside} is not there and the receipt carries no entry; say with --entry what it is a receipt of`)
  return extra
}

/** What the entry says; only reached when it is proved. */
function contentRows(bytes: Uint8Array): string[][] {
  const entry = parseStrictJson(bytes)
  const { kind, received, jws } = entry
  const common = [
    ['entry', String(kind)],
    ['received', String(received)],
  ]
  if (typeof jws !== 'string') return [...common, ...textRows(entry, ['action', 'party', 'kid', 'problem', 'id', 'type'])]
  const { header, payload } = splitCompact(jws)
  const event = parseStrictJson(payload)
  return [
    ...common,
    ...textRows(event, ['type', 'subject', 'source', 'id', 'time']),
    ...textRows(parseStrictJson(header), ['kid']),
  ]
}

function textRows(object: JsonObject, members: readonly string[]): string[][] {
  return members.flatMap((name) => {
    const value = object[name]
    return value === undefined || isJsonObject(value) ? [] : [[name, String(value)]]
  })
}

function attempt<T>(ask: () => T, exitCode: number, before: string): T {
  try {
    return ask()
  } catch (error) {
    throw new CommandFailed(`${before}${faultOf(error)}`, exitCode)
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

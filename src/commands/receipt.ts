import type { Command } from 'commander'
import { parseVkey } from '../log/note.ts'
import { verifyReceipt } from '../log/receipt.ts'
import { readText } from './key-file.ts'
import { attempt, contentRows, exists, readReceipt } from './receipt-content.ts'
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
    .argument('<receipt.tlog-proof>', "the receipt, or the exchange's JSON answer with it")
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
  const log = await logOf(vkey)
  const { text, entry } = await readReceipt(file, entryFile)
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

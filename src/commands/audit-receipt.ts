import type { Command } from 'commander'
import { openSource } from '../audit/open-source.ts'
import { type ProvedReceipt, proveReceipt, standingOf } from '../audit/receipt.ts'
import { outcomeOf } from './audit-outcome.ts'
import { type LogKeyGiven, readVkey, type VkeyOptions, withVkey } from './audit-vkey.ts'
import { CommandFailed } from './command.ts'
import { readText } from './key-file.ts'
import { attempt, contentRows, receiptEntry } from './receipt-content.ts'
import { tableText } from './table.ts'

interface Options extends VkeyOptions {
  readonly entry?: string
  readonly log?: string
}

/** `audit receipt` */
export function addAuditReceipt(audit: Command): void {
  withVkey(
    audit
      .command('receipt')
      .description('whether a receipt is genuine, and whether the log of today still stands by it')
      .argument('<receipt.tlog-proof>', 'the receipt')
      .option('--entry <file>', 'the entry; default: the .entry file beside the receipt, or what the receipt carries')
      .option('--log <source>', 'the log as it is today: URL of the exchange, or folder or zip of an export'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban audit receipt 01.tlog-proof --vkey log.vkey --log https://exchange.example\n\n' +
        'Exit code 0: genuine; 1: it proves nothing, or the log has gone another way; 2: it could not be found out.',
    )
    .action(run)
}

async function run(file: string, options: Options): Promise<void> {
  const log = await readVkey(options)
  const text = await readText(file)
  const entry = await receiptEntry(file, text, options.entry)
  const proved = attempt(() => proveReceipt(text, entry, log.verifier), 1, `${file} proves nothing: `)
  const { index, checkpoint } = proved
  const today = options.log === undefined ? [] : [await standingRow(proved, options.log, log)]
  process.stdout.write(
    tableText([
      ['proved', 'this entry is in the log'],
      ['log', checkpoint.origin],
      ['index', String(index)],
      ['log size', `${checkpoint.size} entries when the receipt was made`],
      ...today,
      ...contentRows(entry),
    ]),
  )
}

async function standingRow(proved: ProvedReceipt, target: string, { verifier }: LogKeyGiven): Promise<string[]> {
  try {
    const source = await openSource(target)
    const { state, size } = await standingOf(proved, source, verifier)
    await source.close()
    if (state === 'belongs') return ['log today', `${size} entries; it begins with the log of the receipt`]
    throw new CommandFailed(
      `the receipt is genuine, but ${target} has only ${size} entries and the receipt's log had ${proved.checkpoint.size}: it is an older copy, or the log was put back`,
    )
  } catch (error) {
    throw outcomeOf(
      error,
      `; the receipt (${proved.checkpoint.size} entries) and the checkpoint of ${target} prove it together, keep both`,
    )
  }
}

import type { Command } from 'commander'
import { Contradiction } from '../audit/contradiction.ts'
import { whereProven } from '../audit/export/alarm.ts'
import { type Copied, copyLog } from '../audit/export/copy-log.ts'
import type { Range } from '../audit/export/range.ts'
import { openSource } from '../audit/open-source.ts'
import { sayAskedAgain } from './asked-again.ts'
import { expectNoAlarm } from './audit-alarm.ts'
import { outcomeOf } from './audit-outcome.ts'
import { readVkey, readWitnesses, type VkeyOptions, type WitnessOptions, withVkey, withWitnesses } from './audit-vkey.ts'
import { CommandFailed } from './command.ts'
import { onInterrupt } from './interrupt.ts'
import { readSigningKey } from './key-file.ts'
import { wholeNumber } from './options.ts'
import { type Progress, progressBar } from './progress.ts'

interface Options extends VkeyOptions, WitnessOptions {
  readonly from?: number
  readonly to?: number
  readonly out: string
  readonly key?: string
}

/** `audit export` */
export function addAuditExport(audit: Command): void {
  const index = wholeNumber(0, 999_999_999_999_999)
  withWitnesses(
    withVkey(
      audit
        .command('export')
        .description('copy a log into a folder that any tlog-tiles client reads, checking everything as it comes')
        .argument('<source>', "the exchange's URL; or a folder or zip of an export")
        .requiredOption('--out <folder>', 'the log as static files; an earlier export in it is added to')
        .option('--from <index>', 'first entry, rounded down to a multiple of 256; default: 0, or where the folder begins', index)
        .option('--to <index>', 'entries below this, rounded up to a multiple of 256; default: all of them', index)
        .option('--key <file>', "an auditor's private JWK: entries hold personal data"),
    ),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban audit export https://exchange.example --out log --vkey log.vkey --key auditor.jwk\n\n' +
        'Tiles and checkpoint are always those of the whole log; --from and --to bound the entries whose bytes are copied.\n' +
        'Interrupted, say the same again: it continues.',
    )
    .action(run)
}

async function run(target: string, options: Options): Promise<void> {
  const { vkey, verifier } = await readVkey(options)
  const witnesses = await readWitnesses(options)
  const key = options.key === undefined ? undefined : await readSigningKey(options.key)
  const folder = options.out
  const stop = new AbortController()
  const listening = onInterrupt(() => stop.abort())
  let bar: Progress | undefined
  try {
    await expectNoAlarm(folder, verifier, 'nothing is added to such a copy')
    const source = await openSource(target, {
      key,
      origin: verifier.name,
      signal: stop.signal,
      onAgain: sayAskedAgain(),
    })
    const copied = await copyLog({
      source,
      folder,
      log: verifier,
      ...witnesses,
      vkey,
      from: options.from,
      to: options.to,
      now: new Date(),
      isMended: true,
      signal: stop.signal,
      onProgress: (done, total) => {
        bar ??= progressBar(total)
        bar.update(done)
      },
    })
    bar?.stop()
    process.stdout.write(summaryOf(folder, copied))
  } catch (error) {
    bar?.stop()
    if (stop.signal.aborted && !(error instanceof Contradiction))
      throw new CommandFailed('interrupted; say the same again and it continues')
    throw outcomeOf(error, whereProven(error, folder))
  } finally {
    listening()
  }
}

function summaryOf(folder: string, { checkpoint, range, sizeBefore }: Copied): string {
  const { origin, size } = checkpoint
  const since = sizeBefore === undefined ? '' : `; it extends the checkpoint of ${sizeBefore} entries that was here`
  return `${folder}: ${origin}, ${size} entries (bytes of ${heldText(range, size)})${since}\n`
}

function heldText(range: Range | undefined, size: number): string {
  if (range === undefined || range.to === range.from) return 'none'
  return range.from === 0 && range.to === size ? 'all' : `${range.from} to ${range.to - 1}`
}

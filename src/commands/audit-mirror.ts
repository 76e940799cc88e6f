import type { Command } from 'commander'
import { alarmName, whereProven } from '../audit/export/alarm.ts'
import { sayAskedAgain } from './asked-again.ts'
import { expectNoAlarm } from './audit-alarm.ts'
import { outcomeOf } from './audit-outcome.ts'
import { readVkey, readWitnesses, type VkeyOptions, type WitnessOptions, withVkey, withWitnesses } from './audit-vkey.ts'
import { CommandFailed } from './command.ts'
import { onInterrupt } from './interrupt.ts'
import { readSigningKey } from './key-file.ts'
import { wholeNumber } from './options.ts'

interface Options extends VkeyOptions, WitnessOptions {
  readonly out: string
  readonly key?: string
  readonly every: number
  readonly once?: true
  readonly metrics?: string
}

const defaultEverySeconds = 60

/** `audit mirror` */
export function addAuditMirror(audit: Command): void {
  withWitnesses(
    withVkey(
      audit
        .command('mirror')
        .description('follow a running log for months, and raise an alarm the moment it contradicts itself')
        .argument('<url>', "the exchange's URL")
        .requiredOption('--out <folder>', 'an export that is added to, with every checkpoint that was seen')
        .option('--key <file>', "an auditor's private JWK: entries hold personal data")
        .option('--every <seconds>', 'pause between two rounds', wholeNumber(1, 86_400), defaultEverySeconds)
        .option('--once', 'one round and no more, for a scheduler')
        .option('--metrics <file>', "metrics in Prometheus's text form"),
    ),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban audit mirror https://exchange.example --out mirror --vkey log.vkey --key auditor.jwk --metrics mirror.prom\n\n' +
        `Exit code 1: two checkpoints contradict each other; ${alarmName} in the folder proves it to everybody.`,
    )
    .action(run)
}

async function run(target: string, options: Options): Promise<void> {
  // metrics and their registry: other commands start faster without
  const { followLog } = await import('../audit/mirror/follow-log.ts')
  const { MetricsUnwritten, MirrorMetrics } = await import('../audit/mirror/mirror-metrics.ts')
  const { vkey, verifier } = await readVkey(options)
  const witnesses = await readWitnesses(options)
  const key = options.key === undefined ? undefined : await readSigningKey(options.key)
  const { out: folder, once, every, metrics: metricsFile } = options
  const stop = new AbortController()
  const listening = onInterrupt(() => stop.abort())
  const say = (line: string) => process.stdout.write(`${new Date().toISOString()} ${line}\n`)
  try {
    await expectNoAlarm(folder, verifier, 'show it to whoever answers for the log, and mirror into another folder').catch(
      async (error) => {
        // whoever watches no more than the metrics must see it, too
        if (error instanceof CommandFailed)
          await new MirrorMetrics(metricsFile).round('alarm', new Date()).catch((unwritten: Error) => say(unwritten.message))
        throw error
      },
    )
    await followLog({
      target,
      folder,
      log: verifier,
      ...witnesses,
      vkey,
      key,
      everySeconds: once ? undefined : every,
      metricsFile,
      signal: stop.signal,
      onAgain: sayAskedAgain(),
      say,
    })
  } catch (error) {
    if (error instanceof MetricsUnwritten) throw new CommandFailed(error.message)
    throw outcomeOf(error, whereProven(error, folder))
  } finally {
    listening()
  }
}

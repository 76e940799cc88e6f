import type { Command } from 'commander'
import type { RecoverOptions } from './log-recover-settle.ts'

/** `log recover` */
export function addLogRecover(log: Command): void {
  const several = (value: string, before: readonly string[] = []) => [...before, value]
  log
    .command('recover')
    .description('after a restored backup: show what of the published log is missing, and put it back from those who have it')
    .option('--from-mirror <folder>', 'a mirror or an export of the log; may be given several times', several)
    .option('--from-receipts <path...>', 'receipts with their entries, as `post --receipts` keeps them: files or folders')
    .option('--from-kafka', 'the topics of KAFKA_BROKERS: events alone, proven by what else is known')
    .option('--checkpoint <file>', 'another checkpoint of the log, of another gateway or a witness; several times', several)
    .option('--leave-unproven', 'leave out what a source has beyond the largest checkpoint that is known')
    .option('--apply', 'write; without it nothing is changed')
    .option('--new-origin <name>', 'when entries stay lost: begin a new log that names the old root and what of it is lost')
    .option('--reason <text>', 'why; the new log says it for good')
    .option('--key <file>', 'private JWK of an operator in force, who signs for the new origin')
    .option('--new-database <url>', 'an empty database for the new log')
    .option('--new-key <file>', "the new log's private key; made when it is not there")
    .option('--out <folder>', 'where the old log, vouchers and lists of events go')
    .addHelpText(
      'after',
      '\nExample:\n  lianban log recover --from-mirror /mnt/auditor/mirror --from-receipts receipts --from-kafka --apply\n' +
        '  lianban log recover --from-mirror mirror --new-origin lianban.example/dalian-2 --reason "…" --key operator.jwk \\\n' +
        '    --new-database postgres://…/lianban2 --new-key log-2.key --out old --apply\n\n' +
        'It works with the settings of a gateway, while every process of the exchange is stopped.\n' +
        'Exit code 0: nothing is missing (any more); 1: entries are missing; 2: it could not be found out.',
    )
    .action(run)
}

/** Loaded only here: other commands start faster without it. */
async function run(options: RecoverOptions): Promise<void> {
  const { recoverLog } = await import('./log-recover-run.ts')
  await recoverLog(options)
}

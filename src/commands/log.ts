import type { Command } from 'commander'
import { addLogRecover } from './log-recover.ts'

/** `log …` */
export function addLogCommands(program: Command): void {
  const log = program.command('log').description('the log itself, on its own machine while the exchange is stopped')
  addLogRecover(log)
}

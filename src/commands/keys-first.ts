import { openLogToAppend } from '../compose/open-log.ts'
import { readConfigWithoutKafka } from '../config.ts'
import { makeDataDir } from '../database/data-dir.ts'
import { migrateLog } from '../database/migrate.ts'
import { registerKey } from '../identity/key-request.ts'
import type { SigningKey } from '../identity/private-key.ts'
import { keyToAppend } from '../log/key-append.ts'
import { createLogger } from '../logger.ts'
import { createMetrics } from '../metrics.ts'
import { CommandFailed } from './command.ts'
import { withOwnDatabase } from './own-database.ts'

/**
 * Registers the first operator's key, for which no key in force could vouch. It begins the log if nobody has.
 *
 * @throws {CommandFailed} when the log has a key already, or the party is no operator
 */
export async function registerFirst(key: SigningKey, party: string): Promise<{ index: number; origin: string }> {
  const config = readConfigWithoutKafka()
  await makeDataDir(config.dataDir)
  const logger = createLogger('error')
  return withOwnDatabase(config, logger, async ({ raw }, url) => {
    await migrateLog(url)
    // as in production: with development keys this key would no longer be the first
    const { keeper, group, close } = await openLogToAppend({ ...config, production: true }, raw, logger, createMetrics())
    if (keeper.inForce.keys.history().length > 0)
      throw new CommandFailed('the log has keys already: register this one with --voucher, by an operator’s key in force', 1)
    const now = () => new Date()
    const entry = await registerKey(key, key, { party, log: config.logOrigin, now: now() })
    const appended = await group.append(keyToAppend(entry, config.logOrigin, now))
    await close()
    if (appended.outcome === 'refused') throw new CommandFailed(appended.refusal.detail.en, 1)
    return { index: appended.index, origin: config.logOrigin }
  })
}

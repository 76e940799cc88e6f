import { Alarms } from '../alarm/alarms.ts'
import { conditionsOf, type Watched } from '../alarm/conditions.ts'
import { Teller } from '../alarm/teller.ts'
import { AlarmWatch } from '../alarm/watch.ts'
import { readWebhookSecret, type WebhookSettings } from '../alarm/webhook.ts'
import { Leases } from '../bus/leases.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'

/** Between two looks at everything. */
const everyMs = 10_000
/** Kafka's group, a deployment or a restart of Postgres may hold things up so long without an operator's help. */
const behindSeconds = 120
const firstPauseMs = 5000

export interface AlarmMeans extends Omit<Watched, 'behindSeconds'> {
  readonly webhook: WebhookSettings | undefined
  readonly origin: string
  readonly metrics: Metrics
  readonly logger: Logger
}

/**
 * Begins to look after the exchange, in the background.
 *
 * @returns ends it; an alarm that is being told is told again by whoever looks next
 * @throws {CannotStart} when the webhook's secret is none
 */
export async function openAlarms({ webhook, origin, metrics, logger, ...watched }: AlarmMeans): Promise<() => Promise<void>> {
  const told = webhook && { url: webhook.url, secret: await readWebhookSecret(webhook.secretFile), origin }
  const { sql } = watched
  const alarms = new Alarms(sql)
  const leases = new Leases(sql, logger)
  const conditions = conditionsOf({ ...watched, behindSeconds })
  const teller = new Teller({
    alarms,
    webhook: told,
    logger,
    onTold: (outcome) => metrics.webhooks.inc({ outcome }),
    firstPauseMs,
  })
  const watch = new AlarmWatch({ alarms, conditions, teller, leases, logger, everyMs })
  return async () => {
    await watch.close()
    await leases.close()
  }
}
